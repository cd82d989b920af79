"""The live page: signal, decisions and events in a browser on the same machine.

Optional: nothing here is imported where no page is configured. The main thread calls only
`Site.see`, which queues a window; everything else runs in the page's own threads.
"""
