"""To come."""

routes: list = []
