"""Archives as `drsn-agent backup` writes them, and others."""

import hashlib
import io
import json
import zipfile
from typing import Any


def manifest(contents: dict[str, bytes], **changes: Any) -> bytes:
    listed = [
        {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in contents.items()
    ]
    fields = {"schema": "drsn-backup/1", "made": "", "version": "1", "agent": "a", "files": listed}
    return json.dumps(fields | changes).encode()


def packed(files: dict[str, bytes], contents: bytes | None = None, mode: int = 0o600) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
        archive.writestr("manifest.json", manifest(files) if contents is None else contents)
    return out.getvalue()
