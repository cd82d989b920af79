"""The page's server: access, files, routes and the stream of events."""
