"""Markdown that campaigners write, as HTML that is safe to show."""

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_markdown = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(["replacements", "smartquotes"])

#: What a text may hold. No images (they have captions and credits of their own), no style, no script.
_TAGS = {"p", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "em", "strong", "a", "hr", "br", "code", "pre"}


def to_html(source: str) -> SafeString:
    """The source as sanitised HTML: http, https and mailto links only, `rel=noopener noreferrer`."""
    rendered = _markdown.render(source)
    clean = nh3.clean(rendered, tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"})
    return mark_safe(clean)  # noqa: S308 - sanitised on the line above
