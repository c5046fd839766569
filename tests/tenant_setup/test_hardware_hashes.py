"""Files as suppliers and Excel write them: good lines are read, every other one is named, and nothing is guessed."""

import pytest

from shared.errors import BadInput
from shared.tenant_setup import hardware_hashes
from shared.tenant_setup.hardware_hashes import MOST_BYTES, read_hashes
from tests.tenant_setup.deliveries import HEADER, a_csv, a_hash

GOOD = a_hash(1)
SHORT = f"serial,hash,owner\n5CG1,{GOOD},ann@contoso.example\n"


@pytest.mark.parametrize(
    "content",
    [
        SHORT.encode(),
        SHORT.encode("utf-8-sig"),
        SHORT.encode("utf-16"),
        SHORT.encode("utf-16-le"),
        SHORT.encode("utf-16-be"),
        SHORT.replace("\n", "\r\n").encode(),
        SHORT.replace(",", ";").encode(),
        SHORT.replace(",", "\t").encode(),
        f'"Serial";"HASH";"Owner"\r\n"5CG1";"{GOOD}";"ann@contoso.example"\r\n\r\n'.encode(),
        f"serial , hash , owner\n\n 5CG1 , {GOOD} , ann@contoso.example\n".encode(),
    ],
)
def test_one_good_line_is_read_in_any_dress(content: bytes) -> None:
    file = read_hashes(content)
    assert file.bad == ()
    (pc,) = file.good
    assert (pc.serial_number, pc.hash, pc.owner, pc.group_tag) == ("5CG1", GOOD, "ann@contoso.example", "")


def test_what_the_script_of_microsoft_writes_is_read() -> None:
    file = read_hashes(f"Device Serial Number,Windows Product ID,Hardware Hash\n5CG1,,{GOOD}\n".encode(), group_tag="T")
    assert [(pc.serial_number, pc.group_tag, pc.owner) for pc in file.good] == [("5CG1", "T", "")]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (f",,{GOOD},,", "no serial number"),
        (f"Default string,,{GOOD},,", "this is no serial number"),
        (f"a/b,,{GOOD},,", "this is no serial number"),
        ("5CG1,,,,", "no hardware hash"),
        (f"5CG1,,{GOOD[:-3]},,", "the hardware hash is not base64: it was cut off or changed"),
        (f"5CG1,,{GOOD[:100]}!!!!{GOOD[100:]},,", "the hardware hash is not base64: it was cut off or changed"),
        (f"5CG1,,{GOOD[:-8]}é===,,", "the hardware hash is not base64: it was cut off or changed"),
        (f"5CG1,,{GOOD[:2000]},,", "the hardware hash is too short (1500 bytes): it was cut off"),
        (f"5CG1,,{a_hash(1, 9000)},,", "the hardware hash is too long"),
        (f"5CG1,,{GOOD},,ann", "the owner is no user principal name"),
        (f"5CG1,,{GOOD},,ann@contoso.example/x", "the owner is no user principal name"),
        (f"5CG1,,{GOOD},{'x' * 128},", "the group tag has quotes, or more than 127 characters"),
        (f"5CG1,?,{GOOD},,", "this is no Windows product id"),
        (f"5CG1,{GOOD}", "2 columns instead of 5"),
        (f"5CG1,,{GOOD},,,more", "6 columns instead of 5"),
        (f"PC00000,,{GOOD},,", "the same serial number stands in line 2"),
        (f"pc00000,,{GOOD},,", "the same serial number stands in line 2"),
    ],
)
def test_a_bad_line_is_named_with_its_number_and_why(line: str, why: str) -> None:
    file = read_hashes(a_csv(3, line3=line))
    assert (file.bad[-1].line, file.bad[-1].why) == (3, why)
    twice = "same serial" in why
    assert [bad.line for bad in file.bad] == ([2, 3] if twice else [3])
    assert [pc.line for pc in file.good] == ([4] if twice else [2, 4])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"\r\n\r\n", "the file is empty"),
        (HEADER.encode(), "a header and no PC"),
        (b"serial,hash,price\n", "line 1: there is no column 'price'"),
        (b"serial,owner\n", "line 1: the columns serial and hash must be there"),
        (b"serial,Device Serial Number,hash\n", "each column once"),
        (b"PC1,,abc\n", "line 1: there is no column"),
        (SHORT.encode() + b"5CG2,\xff\xfe,\n", "line 3: this is no UTF-8 text"),
        (SHORT.encode() + b"5CG2,\x00,\n", "line 3: a character that no text has"),
        (SHORT.encode() + b'5CG2,"abc,\n', "line 3: unexpected end of data"),
        (SHORT.encode() + b'5CG2,"a"bc,\n', "line 3:"),
        (SHORT.encode() + b"5CG2," + b"A" * 140_000 + b",\n", "line 3: field larger than field limit"),
        (b"\xff\xfes\x00e\x00r", "this is no UTF-16 text"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_line(content: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        read_hashes(content)


def test_a_file_of_100_megabytes_is_refused_before_it_is_looked_at() -> None:
    content = bytes(100 * 1024 * 1024)
    assert len(content) > MOST_BYTES
    with pytest.raises(BadInput, match="104,857,600 bytes; at most 67,108,864"):
        read_hashes(content)


def test_a_file_of_too_many_lines_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware_hashes, "MOST_PCS", 2)
    with pytest.raises(BadInput, match="more than 2 lines"):
        read_hashes(a_csv(3))


def test_the_same_content_is_the_same_delivery_and_another_tag_another_one() -> None:
    assert read_hashes(a_csv(2)).digest == read_hashes(a_csv(2)).digest
    assert (
        len({read_hashes(a_csv(2)).digest, read_hashes(a_csv(3)).digest, read_hashes(a_csv(2), group_tag="X").digest})
        == 3
    )


def test_a_group_tag_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(BadInput, match="group tag"):
        read_hashes(a_csv(1), group_tag="lone \ud800")


def test_no_hash_is_repeated_in_what_is_said() -> None:
    file = read_hashes(a_csv(2, line2=f"5CG1,,{GOOD[:-3]},,"))
    assert GOOD[:20] not in repr(file.bad)
