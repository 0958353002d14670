"""The screens of the page, one file each: what is asked for, and what is answered."""
