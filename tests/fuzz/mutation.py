"""A file's bytes and a generator of random numbers in, the file damaged as on a bad day or by a bad person out."""

from random import Random

LONGEST_NOISE = 200
MOST_FLIPS = 8


def mutate(content: bytes, rng: Random) -> bytes:
    """Damage a file once or twice."""
    for _ in range(rng.choice((1, 1, 2))):
        content = rng.choice(MUTATIONS)(content, rng)
    return content


def flipped(content: bytes, rng: Random) -> bytes:
    """Flip some bits."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, MOST_FLIPS) if content else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut_off(content: bytes, rng: Random) -> bytes:
    """Break off anywhere."""
    return content[: rng.randint(0, len(content))]


def beheaded(content: bytes, rng: Random) -> bytes:
    """Begin anywhere in the first half."""
    return content[rng.randint(0, len(content) // 2) :]


def swapped(content: bytes, rng: Random) -> bytes:
    """Let two neighbouring pieces change places."""
    before, first, second, after = _pieces(content, rng)
    return before + second + first + after


def doubled(content: bytes, rng: Random) -> bytes:
    """Let a piece stand twice."""
    before, first, second, after = _pieces(content, rng)
    return before + first + first + second + after


def dropped(content: bytes, rng: Random) -> bytes:
    """Leave a piece out."""
    before, _, second, after = _pieces(content, rng)
    return before + second + after


def noisy(content: bytes, rng: Random) -> bytes:
    """Put random bytes in."""
    place = rng.randint(0, len(content))
    return content[:place] + rng.randbytes(rng.randint(1, LONGEST_NOISE)) + content[place:]


def _pieces(content: bytes, rng: Random) -> tuple[bytes, bytes, bytes, bytes]:
    """Cut in four: half of the time between lines, where parts of a mail and elements of a report begin."""
    ends = [place + 1 for place, byte in enumerate(content) if byte == ord("\n")]
    places = ends if len(ends) > 2 and rng.random() < 0.5 else range(len(content) + 1)
    first, second, third = sorted(rng.choices(places, k=3))
    return content[:first], content[first:second], content[second:third], content[third:]


MUTATIONS = (flipped, cut_off, beheaded, swapped, doubled, dropped, noisy)
