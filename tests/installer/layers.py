"""What an image adds to its base: layers.py BASE.tar IMAGE.tar, both as `docker save` or `podman save` write them.

The first line is the compressed size of the layers above the base in bytes, each other one a path with its kind, mode,
owner and hash: what must be the same for the same binary, and nothing that may differ (times).
"""

import gzip
import hashlib
import io
import json
import sys
import tarfile


def layers(path):
    with tarfile.open(path) as archive:
        (image,) = json.load(archive.extractfile("manifest.json"))
        for name in image["Layers"]:
            # podman links layers that it has written before.
            member = archive.getmember(name)
            while member.issym():
                name = member.linkname.removeprefix("../")
                member = archive.getmember(name)
            data = archive.extractfile(member).read()
            yield gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def entries(layer):
    with tarfile.open(fileobj=io.BytesIO(layer)) as files:
        for file in files:
            held = hashlib.sha256(files.extractfile(file).read()).hexdigest() if file.isreg() else file.linkname
            kind = "dir" if file.isdir() else "file" if file.isreg() else "link"
            yield file.name.strip("./") or ".", f"{kind} {file.mode & 0o7777:o} {file.uid}:{file.gid} {held}"


base = {hashlib.sha256(layer).digest() for layer in layers(sys.argv[1])}
above = [layer for layer in layers(sys.argv[2]) if hashlib.sha256(layer).digest() not in base]
assert above and len(above) < len(list(layers(sys.argv[2]))), "the image does not stand on this base"
print(sum(len(gzip.compress(layer)) for layer in above))
seen = {}
for layer in above:
    seen.update(entries(layer))
for path, what in sorted(seen.items()):
    print(path, what)
