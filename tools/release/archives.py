"""Archives whose bytes depend on their contents and one moment alone: zips, tars, gzip. Their compressor is libdeflate at a pinned version,
because two versions of zlib compress to different bytes."""

import io
import struct
import tarfile
import time
import zlib

import deflate

# libdeflate's best.
LEVEL = 12
# A regular file that everybody may read and run, and its owner may write: what Lambda asks of `bootstrap`.
MODE = 0o100755


def zipped(name, data, epoch):
    """A zip with one file that can be run."""
    packed = bytes(deflate.deflate_compress(data, LEVEL))
    year, month, day, hour, minute, second = time.gmtime(epoch)[:6]
    if not 1980 <= year < 2108:
        raise SystemExit(f"A zip cannot hold the year {year}.")
    # The format counts time in steps of two seconds.
    moment = (hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day)
    name = name.encode("ascii")
    # Version 2.0, no flags, deflate. The same fields stand before the file and in the directory.
    common = struct.pack("<HHHHHIIIHH", 20, 0, 8, *moment, zlib.crc32(data), len(packed), len(data), len(name), 0)
    head = b"PK\x03\x04" + common + name + packed
    # 3: made on Unix, so the upper half of the attributes is the mode.
    entry = b"PK\x01\x02" + struct.pack("<H", 3 << 8 | 20) + common + struct.pack("<HHHII", 0, 0, 0, MODE << 16, 0) + name
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(head), 0)
    return head + entry + end


def tarred(files, epoch):
    """A tar of these files: a name, the data, and whether it can be run. They are root's."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data, runs in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(data), epoch, 0o755 if runs else 0o644
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def gzipped(data):
    """libdeflate writes no moment and no name into the header."""
    return bytes(deflate.gzip_compress(data, LEVEL))
