"""The live page: what the agent hears and holds to be so, in a browser on the same machine.

Optional: nothing here is imported where no page is configured. `see` is all that the main thread
calls, and it only puts a window aside; everything else happens in the page's own threads.
"""
