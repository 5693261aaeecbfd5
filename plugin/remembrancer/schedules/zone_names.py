"""Time zones as people write them, and the IANA keys that they mean: for suggestions in errors."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from zoneinfo import available_timezones

DEFAULT_ZONE: Final = "UTC"


def meant(name: str) -> str | None:
    """Return the IANA key that *name* certainly means; None if it may mean several places, or none."""
    if len(name) > _LONGEST:
        return None
    word = _plain(name)
    keys = _keys()
    if word in _SAME:
        return _SAME[word]
    if word in keys:
        return keys[word]
    if found := _OFFSET.fullmatch(word):
        return _of_offset(found["sign"], int(found["hours"]), found["minutes"])
    area, slash, city = word.rpartition("/")
    if city in _CITIES and (not slash or area == _CITIES[city].partition("/")[0].lower()):
        return _CITIES[city]
    return _elsewhere(area, city) or _mistyped(area, city)


def offset_words(name: str) -> str:
    """Return an explanation of an offset given as a zone; an empty text for any other name."""
    if len(name) > _LONGEST or _OFFSET.fullmatch(_plain(name)) is None:
        return ""
    return "; an offset is no zone: Etc/GMT-3 is three hours ahead of UTC, with its sign the other way round"


def _plain(name: str) -> str:
    return "_".join(name.strip().lower().replace("\\", "/").split())


@lru_cache(maxsize=1)
def _keys() -> dict[str, str]:
    """Return the keys of the time zone database, by their names in small letters."""
    return {key.lower(): key for key in available_timezones() if not key.startswith(_MACHINES) and key not in _ODD}


def _of_offset(sign: str, hours: int, minutes: str | None) -> str | None:
    """Return the `Etc/GMT` zone of whole hours, whose sign is reversed."""
    if int(minutes or 0):
        return None
    if hours == 0:
        return "UTC"
    key = f"Etc/GMT{'-' if sign == '+' else '+'}{hours}"
    return key if key.lower() in _keys() else None


def _elsewhere(area: str, city: str) -> str | None:
    """Return the only place of that name in any area."""
    if area.startswith(_AMERICA):
        return None
    found = [key for low, key in _keys().items() if low.count("/") == 1 and low.endswith(f"/{city}")]
    return found[0] if len(found) == 1 and not found[0].startswith(("Etc/", "US/")) else None


def _mistyped(area: str, city: str) -> str | None:
    """Return the only place of that area whose name differs in one letter."""
    found = [
        key
        for low, key in _keys().items()
        if area
        and low.startswith(f"{area}/")
        and len(low) - len(area) > _SHORT
        and _is_near(low[len(area) + 1 :], city)
    ]
    return found[0] if len(found) == 1 else None


def _is_near(right: str, given: str) -> bool:
    """Return whether one letter is too many, missing or wrong, or two are swapped."""
    if abs(len(right) - len(given)) > 1 or right[0] != given[:1]:
        return False
    same = next((at for at, (one, other) in enumerate(zip(right, given, strict=False)) if one != other), None)
    if same is None:
        return True
    one, other = right[same:], given[same:]
    swapped = one[:2] == other[1::-1] and len(other) > 1 and one[2:] == other[2:]
    return swapped or one[1:] == other[1:] or one[1:] == other or one == other[1:]


_LONGEST: Final = 64
_SHORT: Final = 6
"""A name with fewer letters, the slash included, is too short to tell a typing error from another place."""
_MACHINES: Final = ("posix/", "right/")
_AMERICA: Final = ("america", "us", "canada")
_ODD: Final = ("Factory", "localtime", "posixrules", "EST", "MST", "HST", "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT")
_OFFSET: Final = re.compile(
    r"(?:utc|gmt)?(?P<sign>[+-])(?P<hours>[0-9]{1,2})(?::?(?P<minutes>[0-9]{2}))?", re.IGNORECASE
)

_SAME: Final = {
    **dict.fromkeys(("z", "zulu", "utc", "gmt", "etc/utc", "coordinated_universal_time"), "UTC"),
    **dict.fromkeys(("est", "edt", "est5edt", "eastern_time", "us_eastern"), "America/New_York"),
    **dict.fromkeys(("cdt", "cst6cdt"), "America/Chicago"),
    **dict.fromkeys(("mdt", "mst7mdt"), "America/Denver"),
    **dict.fromkeys(("pst", "pdt", "pst8pdt", "pacific_time"), "America/Los_Angeles"),
    "hst": "Pacific/Honolulu",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "hkt": "Asia/Hong_Kong",
    "sgt": "Asia/Singapore",
    "msk": "Europe/Moscow",
    "cest": "CET",
    "eest": "EET",
    **dict.fromkeys(("nzst", "nzdt"), "Pacific/Auckland"),
}
"""Names and abbreviations that mean one clock only. IST, BST, CST, MST and others mean several."""

_CITIES: Final = {
    city: key
    for key, cities in {
        "Asia/Kolkata": "mumbai bombay delhi new_delhi bangalore bengaluru chennai hyderabad pune",
        "Asia/Shanghai": "beijing peking shenzhen guangzhou",
        "Asia/Tokyo": "osaka kyoto yokohama",
        "Asia/Dubai": "abu_dhabi",
        "Asia/Karachi": "islamabad lahore",
        "Asia/Ho_Chi_Minh": "hanoi",
        "Asia/Jerusalem": "haifa",
        "America/New_York": "boston washington washington_dc miami atlanta philadelphia",
        "America/Chicago": "dallas houston austin san_antonio minneapolis new_orleans",
        "America/Los_Angeles": "san_francisco san_diego san_jose seattle las_vegas sacramento oakland monterey",
        "America/Denver": "salt_lake_city albuquerque",
        "America/Toronto": "ottawa montréal quebec",
        "America/Edmonton": "calgary",
        "America/Sao_Paulo": "rio_de_janeiro brasilia",
        "Europe/Berlin": "munich hamburg frankfurt cologne stuttgart leipzig",
        "Europe/London": "edinburgh manchester birmingham cardiff glasgow",
        "Europe/Rome": "milan naples turin",
        "Europe/Madrid": "barcelona seville",
        "Europe/Zurich": "geneva bern basel",
        "Europe/Paris": "lyon marseille",
        "Europe/Warsaw": "krakow gdansk",
        "Australia/Melbourne": "geelong",
        "Africa/Johannesburg": "cape_town pretoria durban",
    }.items()
    for city in cities.split()
}
"""Cities without a key of their own, with the key whose clock they follow; valid for their own continent only."""
