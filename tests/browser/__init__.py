"""The lane `make test-browser`: pgscore.js and the page of examples/browser in Chromium."""
