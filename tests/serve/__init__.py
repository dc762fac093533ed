"""The web service, as a process of its own that is called over HTTP."""
