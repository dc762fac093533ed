"""The web service: a session's events scored by payload, a promotion followed, a database that goes away."""
