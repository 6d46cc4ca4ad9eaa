"""The process that is fuzzed: libFuzzer's arguments in, its figures on standard error and its findings as files out.

Started by run.py. Nothing may leave read() but ParserExhaustedError, and what it returns keeps its promises.
"""

import sys

import atheris

with atheris.instrument_imports(include=["parsers", "ingest.acceptance", "email"]):
    # what is measured by its branches is imported here and nowhere above
    from ingest.acceptance import accept
    from parsers.errors import ParserExhaustedError
    from parsers.feedback import learn_names
    from parsers.reading import read
    from tests.fuzz import promises
    from tests.fuzz.inputs import ACCEPTANCES, DOMAINS, LIMITS, Input


def execute(data: bytes) -> None:
    """Read one message, and hold what comes out against the promises."""
    chosen = Input.of(data)
    limits = LIMITS[chosen.limits]
    try:
        reading = read(chosen.message(), "1", limits)
        promises.check(reading, limits)
        promises.check(accept(reading, ACCEPTANCES[chosen.limits], DOMAINS), limits)
    except ParserExhaustedError:
        return  # this process has read too many names: run.py starts another one


def main() -> None:
    """Hand this process over to libFuzzer, which ends it."""
    learn_names()
    atheris.Setup(sys.argv, execute)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
