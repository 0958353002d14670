"""A running station and a person at its page, for the tests of this folder."""

from tests.stations import browser, cookies, desk, station  # noqa: F401  (fixtures)
from tests.webstation.phone_client import door, phone  # noqa: F401  (fixtures)
