"""Parts of an image as a user gives them: ``x, y, width, height`` in pixels."""

from __future__ import annotations

from config.mistake import UserMistake
from drivers.roles import Region

SHOULD_BE = "x, y, width, height in pixels, such as 100, 80, 200, 300; several with ; between"


def regions_of(text: str, name: str) -> list[Region]:
    """Read regions.

    Parameters
    ----------
    text
        Empty for none; several with semicolons between.
    name
        Of the parameter, for the message.

    Raises
    ------
    UserMistake
        If it is something else.
    """
    found = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        try:
            x, y, width, height = (int(number) for number in part.split(","))
        except ValueError:
            raise UserMistake(f"{name} = {part} is no region; it should be {SHOULD_BE}") from None
        if x < 0 or y < 0 or width < 1 or height < 1:
            raise UserMistake(f"{name} = {part} is no region: x and y begin at 0, width and height at 1")
        found.append(Region(x, y, width, height))
    return found


def region_of(text: str, name: str) -> Region | None:
    """Read one region or none; see `regions_of`."""
    found = regions_of(text, name)
    if len(found) > 1:
        raise UserMistake(f"{name} = {text}: one region is wanted, not {len(found)}")
    return found[0] if found else None


def slices_of(region: Region, shape: tuple[int, int], name: str) -> tuple[slice, slice]:
    """Return rows and columns of a region.

    Raises
    ------
    UserMistake
        If it does not lie in the image.
    """
    if region.x + region.width > shape[1] or region.y + region.height > shape[0]:
        raise UserMistake(f"{name}: {region} does not lie in the image of {shape[1]} x {shape[0]} pixels")
    return slice(region.y, region.y + region.height), slice(region.x, region.x + region.width)
