"""The page of the station in a browser: for people on this computer, and for phones that send photos.

It shows and orders; what is done stands in the modules that the commands use, too. Nobody imports it but the daemon's
command.
"""
