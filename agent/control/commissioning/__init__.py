"""Commissioning on the running agent: started, watched and stopped by commands or the page."""
