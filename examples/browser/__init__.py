"""A page that scores by itself: a profile in the browser, events clicked together, and no request to anybody."""
