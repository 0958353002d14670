"""What a clerk's folder has beside the program: its icons, the check that it is whole, updates, and the start at log-on.

The folder on the clerk's computer:

    sohoa/                          any name, anywhere; replaced, moved or removed at will: no data lies in it
        Mở sohoa.exe …              the icons; each names the release that it starts
        ban-0.1.0-3f9a2c71d05e/     a release: Python, libraries, the program; never changed once it is there
            MANIFEST.txt            SHA-256, length and name of each file; its own digest stands in the folder's name
            python/  python32/  launchers/

An update puts a release beside the one that is there, and then the icons name the new one: at every moment each icon
starts a whole release. A folder in use is not renamed: Windows refuses that while a window shows it, or a program in it
runs.
"""
