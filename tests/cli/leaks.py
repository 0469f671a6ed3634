"""leaks.py SECRET-FILE PLACE...: says every file below the places whose bytes, decompressed where they are an archive,
hold the secret or its base64, as it is or as a part of something encoded; names and extended attributes too."""
import base64, bz2, gzip, lzma, os, subprocess, sys, zlib

secret = open(sys.argv[1], "rb").read().rstrip(b"\n")
needles = [secret]
for before in range(3):
    text = base64.b64encode(b"\0" * before + secret)
    needles.append(text[before + 1 if before else 0 : (before + len(secret)) * 8 // 6])
needles += [n.replace(b"+", b"-").replace(b"/", b"_") for n in needles[1:]]


def streams(data):
    yield data
    try:
        if data[:2] == b"\x1f\x8b":
            yield from streams(gzip.decompress(data))
        elif data[:4] == b"\x28\xb5\x2f\xfd":
            yield from streams(subprocess.run(["zstd", "-dcq"], input=data, check=True, capture_output=True).stdout)
        elif data[:3] == b"BZh":
            yield from streams(bz2.decompress(data))
        elif data[:6] == b"\xfd7zXZ\0":
            yield from streams(lzma.decompress(data))
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as e:
        sys.exit("leaks.py: an archive that cannot be read: %s" % e)


def parts(path):
    yield os.fsencode(path)
    for name in os.listxattr(path, follow_symlinks=False):
        yield os.fsencode(name) + b"=" + os.getxattr(path, name, follow_symlinks=False)
    if os.path.islink(path):
        yield os.readlink(os.fsencode(path))
    elif os.path.isfile(path):
        with open(path, "rb") as f:
            yield from streams(f.read())


count = found = 0
for place in sys.argv[2:]:
    if not os.path.lexists(place):
        sys.exit("leaks.py: there is no '%s'" % place)
    paths = [place]
    for at, dirs, files in os.walk(place):
        paths += [os.path.join(at, n) for n in dirs + files]
    for path in paths:
        count += 1
        if any(n in part for part in parts(path) for n in needles):
            found += 1
            print("leak: " + path)
print("%d files, %d leaks" % (count, found))
sys.exit(found > 0)
