"""The page of the station in a browser: for people on this computer, and for phones that send photos."""
