"""What outsiders need to check a packet without trusting it: the organisation's key, and the verifier itself."""

from __future__ import annotations

import base64
from typing import Final

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from signatures.models import SigningKey
from web.page_cache import cached_page

#: Served as a file, never imported: the web knows no code of the workers'.
VERIFIER: Final = settings.BASE_DIR / "signatures" / "delivery" / "verifier.py"
#: What stands before an Ed25519 key's 32 bytes in its standard wrapping (RFC 8410).
_ED25519_SPKI: Final = bytes.fromhex("302a300506032b6570032100")


@require_safe
@cached_page
def signing_key(request: HttpRequest) -> HttpResponse:
    """The key that signs manifests, its fingerprint, and how to check a packet with it."""
    current, *earlier = SigningKey.objects.all() or [None]
    return render(request, "signatures/signing_key.html", {"key": current, "earlier": earlier})


@require_safe
def signing_key_pem(request: HttpRequest) -> HttpResponse:
    """The newest key as other programs (OpenSSL) read it."""
    key = SigningKey.objects.first()
    if key is None:
        raise Http404
    wrapped = base64.b64encode(_ED25519_SPKI + bytes(key.public_key)).decode()
    pem = f"-----BEGIN PUBLIC KEY-----\n{wrapped}\n-----END PUBLIC KEY-----\n"
    return HttpResponse(pem, content_type="application/x-pem-file")


@require_safe
def verifier(request: HttpRequest) -> FileResponse:
    """The single-file verifier, as it lies in every packet."""
    return FileResponse(VERIFIER.open("rb"), as_attachment=True, filename="verify.py", content_type="text/x-python")
