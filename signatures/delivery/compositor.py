"""Sets one document with typst. A program of its own, started for each document (typesetting.py).

    python -I compositor.py TEMPLATE FORMAT LANGUAGE TAGGED    the data, as JSON, on stdin; the document on stdout

Three reasons for a child: it sets what strangers typed and holds no key, no database and no environment; what typst
remembers of a document (40 kB a signer, of the last ten documents) ends with it; and its threads are in no process
that forks. It writes nothing to a disk, and says of what goes wrong only which kind of error it was: the text of one
could quote a person.
"""

import resource
import sys
from pathlib import Path
from typing import Literal

import typst

_HERE = Path(__file__).parent
_TEMPLATES, _FONTS = _HERE / "typst", _HERE / "fonts"
#: A volume of 8,000 signers takes half a gigabyte and three seconds; what goes far beyond that is an attack.
_MEMORY, _PROCESSOR_SECONDS = 4 * 1024**3, 300
#: A picture's pixels an inch.
_PPI = 144.0


def main(template: str, form: Literal["pdf", "png"], language: str, tagged: str) -> int:
    """Set what stdin holds; returns the exit status."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_PROCESSOR_SECONDS, _PROCESSOR_SECONDS))
    try:
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(_FONTS)])
        compiler = typst.Compiler(
            str(_TEMPLATES / template), root=str(_TEMPLATES), font_paths=fonts, ignore_system_fonts=True
        )
        inputs = {"data": sys.stdin.buffer.read().decode(), "language": language}
        made = compiler.compile(format=form, ppi=_PPI, sys_inputs=inputs, pdf_tags=tagged == "tagged")
        assert isinstance(made, bytes)  # one document, and no list of pages
        sys.stdout.buffer.write(made)
        sys.stdout.buffer.flush()
    except Exception as error:  # whatever it is, its words stay here
        print(type(error).__name__, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))  # type: ignore[arg-type]
