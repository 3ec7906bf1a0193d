"""Names as JSON has them: ``room_name`` is ``roomName``."""


def camel_case(name: str) -> str:
    """The name of a Python attribute or a column, as clients read it."""
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)
