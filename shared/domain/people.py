"""Who is who: names of people as systems write them."""


def same_person(one: str, other: str) -> bool:
    """Whether two UPNs or names are one person's: trimmed, in any case."""
    return one.strip().casefold() == other.strip().casefold()
