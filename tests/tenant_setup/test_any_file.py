"""Whatever file is given to register PCs: it is read, each line good or named, or it is refused; and a good one is read as it was written."""

import base64
import csv
import io
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import BadInput
from shared.tenant_setup.hardware_hashes import SHORTEST_HASH, read_hashes

HASH = base64.b64encode(b"x" * SHORTEST_HASH).decode()
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")
PIECES = (
    "serial,hash", "Device Serial Number,Windows Product ID,Hardware Hash", "owner", "tag", ",", ";", "\t", "\n", "\r\n", "\r", '"', "'", " ",
    "5CG1234XYZ", "5CG1", "default string", HASH, HASH[:-3], "=", "ann@contoso.example", "@", "\x00", "\x0b", "\u2028", "\ufeff", "ä", "\U0001f600",
    "0" * 200,
)  # fmt: skip
serials = st.text(string.ascii_letters + string.digits + "._-", min_size=2, max_size=20).filter(
    lambda text: text.lower() not in ("none", "unknown")
)
lines = st.lists(
    st.fixed_dictionaries(
        {
            "serial": serials,
            "hash": st.just(HASH),
            "tag": st.text("abc ÄÖ;,-", max_size=10).map(str.strip),
            "owner": st.sampled_from(["", "ann@contoso.example"]),
        }
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda line: line["serial"].lower(),
)


@settings(max_examples=300, deadline=None)
@given(
    (
        st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.just(f"serial,hash\n5CG1234XYZ,{HASH}\n")
    ).flatmap(lambda text: st.sampled_from(ENCODINGS).map(text.encode))
    | st.binary(max_size=60),
    st.sampled_from(["", "sales", "'", "\ud800", "x" * 200]),
)
def test_any_content_is_a_file_of_good_and_named_lines_or_bad_input(content: bytes, group_tag: str) -> None:
    try:
        read = read_hashes(content, group_tag=group_tag)
    except BadInput as error:
        assert HASH not in str(error)
        return
    numbers = [line.line for line in (*read.good, *read.bad)]
    assert len(set(numbers)) == len(numbers) > 0
    assert all(line.why and HASH not in line.why for line in read.bad)
    assert len({pc.serial_number.lower() for pc in read.good}) == len(read.good)


@settings(max_examples=100, deadline=None)
@given(lines, st.permutations(["serial", "hash", "tag", "owner"]), st.sampled_from(",;\t"), st.sampled_from(ENCODINGS))
def test_a_good_file_is_read_as_it_was_written(
    written: list[dict[str, str]], columns: list[str], separator: str, encoding: str
) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, delimiter=separator)
    writer.writeheader()
    writer.writerows(written)
    read = read_hashes(text.getvalue().encode(encoding))
    assert read.bad == ()
    assert [
        {"serial": pc.serial_number, "hash": pc.hash, "tag": pc.group_tag, "owner": pc.owner} for pc in read.good
    ] == written
