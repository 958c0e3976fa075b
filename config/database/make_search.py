"""Writes the functions of search.sql, once, by whoever changes what a word is: no part of the running site.

    python -m config.database.make_search

PostgreSQL's own parser takes for a letter what the server's LC_CTYPE says: in "C" every sign that is not ASCII, so that
“Clean” was kept with its quotation marks and never found. Here words are cut by ranges of Unicode that are written
out, and nothing asks a locale. Functions name each other with their schema: a restore has no search path.
"""

import itertools
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("search.sql")
#: Where what is written by hand begins.
BY_HAND: Final = "-- The vector of a petition's texts."

#: What people type between the letters of a word, whichever key they found: O’Brien, п'ять, l’école, ʻaha.
APOSTROPHES = "`\u00b4\u02b9\u02bb\u02bc\u02bd\u02c8\u2018\u2019\u201a\u201b\u2032\u2035\u05f3\ua78b\ua78c\uff07"
#: Marks above and below letters of any script, vowel points of Hebrew, Arabic and Syriac; the stroke that makes an
#: Arabic word longer. Vowel signs of the scripts of India and beyond are no marks: they are the word.
MARKS = frozenset(code for first, last in (
    (0x300, 0x36F), (0x483, 0x489), (0x591, 0x5BD), (0x5BF, 0x5BF), (0x5C1, 0x5C2), (0x5C4, 0x5C5), (0x5C7, 0x5C7),
    (0x610, 0x61A), (0x640, 0x640), (0x64B, 0x65F), (0x670, 0x670), (0x6D6, 0x6DC), (0x6DF, 0x6E4), (0x6E7, 0x6E8),
    (0x6EA, 0x6ED), (0x711, 0x711), (0x730, 0x74A), (0x898, 0x89F), (0x8CA, 0x8E1), (0x8E3, 0x8FF), (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F), (0xE0100, 0xE01EF),
) for code in range(first, last + 1))  # fmt: skip
#: The planes that have anything but ideographs in them, without the halves of pairs and what is for private use.
EVERY = (*range(1, 0xD800), *range(0xF900, 0x1FFFF), *range(0xE0000, 0xE0200))
IDEOGRAPHS = (range(0x3400, 0x9FFF), range(0xAC00, 0xD7A4), range(0x17000, 0x18D00), range(0x20000, 0x40000))
#: Letters that Unicode does not take apart, and that people leave the stroke or the hook of; Arabic ones that are
#: written for each other, and those of Persian and Urdu.
ALIKE = dict(zip("łđøħŧıðþŋґғқұәөүһҷ", "ldohtidtnггкуаоуhч", strict=True)) | dict(
    zip("ٱىةیکےەھہ", "ايهيكيههه", strict=True)
)
TWO_FOR_ONE = {"ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "և": "եւ"}


def is_hidden(code: int) -> bool:
    """Joiners, soft hyphens, direction marks: not the place to break a line (U+200B), which parts words."""
    return unicodedata.category(chr(code)) == "Cf" and code != 0x200B


def parts_words(code: int) -> bool:
    return chr(code) != "'" and (unicodedata.category(chr(code))[0] in "PSZ" or code < 32 or code in {0x7F, 0x200B})


def folded(sign: str) -> str:
    """A sign as it is compared: without case and marks, a digit as 0 to 9."""
    digit = unicodedata.digit(sign, None)
    if digit is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", sign).casefold())
    plain = "".join(letter for letter in plain if ord(letter) not in MARKS)
    if len(plain) > 1:  # ŉ is an apostrophe and an n
        plain = plain.lstrip(APOSTROPHES)
    return ALIKE.get(plain, plain)


def ranges(codes: Iterable[int]) -> Iterator[tuple[int, int]]:
    first = last = -1
    for code in codes:
        if code != last + 1 and first >= 0:
            yield first, last
            first = code
        first, last = (code if first < 0 else first), code
    yield first, last


def one_of(codes: Iterable[int]) -> str:
    """As a bracket expression of PostgreSQL's regular expressions, which asks no locale.

    A literal goes on after the end of a line; what repeats the marks of its beginning is left out.
    """
    each = [f"\\U{first:08X}-\\U{last:08X}" for first, last in ranges(codes)]
    return "'\n    '".join("".join(part) for part in itertools.batched(["[", *each, "]+"], 5))


def functions() -> str:
    """What search.sql has, up to the column."""
    every = [code for code in EVERY if not any(code in block for block in IDEOGRAPHS)]
    signs = [chr(code) for code in every if unicodedata.category(chr(code))[0] in "LN"]
    unlike = {sign: folded(sign) for sign in signs if sign == unicodedata.normalize("NFKD", sign) != folded(sign)}
    one_for_one = {sign: letter for sign, letter in unlike.items() if len(letter) == 1 and sign not in TWO_FOR_ONE}
    case = "$1"
    for sign, letters in TWO_FOR_ONE.items():
        case = f"replace({case}, '{sign}', '{letters}')"
    case = f"translate({case}, '{''.join(one_for_one)}', '{''.join(one_for_one.values())}')"
    unlike_any = one_of(sorted(map(ord, {*one_for_one, *TWO_FOR_ONE})))
    plain = "normalize(translate($1, '{}', '{}'), NFKD)".format(APOSTROPHES, "''" * len(APOSTROPHES))
    plain = (
        f"""regexp_replace({plain}, E'{one_of(c for c in every if c in MARKS or is_hidden(c))}' COLLATE "C", '', 'g')"""
    )
    apart = one_of(code for code in every if parts_words(code))
    # Constants of this file, all of them.
    return f"""\
-- A word without case. Most have none to begin with, and looking each letter up among 1,700 takes a while.
CREATE OR REPLACE FUNCTION search_folded(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
SELECT CASE WHEN $1 ~ (E'{unlike_any}' COLLATE "C") THEN {case} ELSE $1 END
$$;

-- Words, with the apostrophes inside them. 100 letters of one are enough, and a vector takes no more than 2,046 bytes.
CREATE OR REPLACE FUNCTION search_tokens(text) RETURNS SETOF text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT DISTINCT left(public.search_folded(word), 100) FROM (
        SELECT DISTINCT trim(both '''' from token) AS word
        FROM regexp_split_to_table({plain}, E'{apart}' COLLATE "C") AS token
    ) AS words WHERE word <> ''
$$;

-- A word with an apostrophe is found whole, by its parts, and without its apostrophe.
CREATE OR REPLACE FUNCTION search_vector(text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
SELECT array_to_tsvector(ARRAY(
    SELECT DISTINCT part FROM public.search_tokens($1) AS token,
        unnest(replace(token, '''', '') || string_to_array(token, '''')) AS part
    WHERE part <> ''
))
$$;

-- All words of a question, by their beginnings. NULL where it has none.
CREATE OR REPLACE FUNCTION search_query(text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
SELECT (
    SELECT string_agg(
        format('(''%s'':* | ''%s'':*)', replace(token, '''', ''),
            array_to_string(array_remove(string_to_array(token, ''''), ''), ''':* & ''')),
        ' & ')::tsquery
    FROM public.search_tokens($1) AS token
)
$$;

-- Whatever a JSON value says: translations are texts in objects.
CREATE OR REPLACE FUNCTION search_said(jsonb) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
SELECT (
    SELECT string_agg(said #>> '{{}}', ' ') FROM jsonb_path_query($1, 'strict $.** ? (@.type() == "string")') AS said
)
$$;
"""


if __name__ == "__main__":
    _, mark, by_hand = FILE.read_text().partition(BY_HAND)
    FILE.write_text(
        f"-- Full-text search (petitions/search.py). Functions: by make_search.py.\n\n{functions()}\n{mark}{by_hand}"
    )
