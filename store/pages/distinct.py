"""The different values of an indexed column out, however many rows have each: one step through the index for each value."""

from sqlalchemy import Column, ColumnElement, Select, func, select


def distinct(column: Column[str], *indexed: ColumnElement[bool]) -> Select[str]:
    """Select every value of a text column but NULL and the empty text, in no order.

    The column is to be the first of an index; `indexed` is what a partial one has. No DISTINCT: both engines would read
    the index to its end.
    """
    least = select(func.min(column)).where(*indexed)
    first = least.where(column > "").scalar_subquery()
    steps = select(first.label("value")).cte("steps", recursive=True)
    above = least.where(column > steps.c.value).scalar_subquery()
    steps = steps.union_all(select(above).where(steps.c.value.is_not(None)))
    return select(steps.c.value).where(steps.c.value.is_not(None))
