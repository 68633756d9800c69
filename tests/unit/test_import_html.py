"""HTML bodies as readable text."""

import pytest

from jangteo.node.html_text import readable


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain\n\ntext  < 5", "plain\n\ntext  < 5"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("One<br>Two<br/>Three", "One\nTwo\nThree"),
        ("a &amp; b &lt;c&gt; &eacute;&#44;&nbsp;d", "a & b <c> é, d"),
        ("<ul><li>one</li><li><p>two</p></li></ul>after", "- one\n- two\n\nafter"),
        ("<ol><li>one<li>two</ol>", "1. one\n2. two"),
        ("<ul><li>a<ol><li>b</li></ol></li><li>c</li></ul>", "- a\n1. b\n- c"),
        ("<table><tr><th>W</th><td>3 cm</td></tr><tr><td>H</td></tr></table>", "W | 3 cm\nH"),
        ("x<script>var a = '<p>no</p>';</script>y<style>p{}</style>", "xy"),
        ("x<script>never closed", "x"),
        ('<a title="a > b" href=x>link</a>', "link"),
        ('<a title="never closed>link</a> rest', "link rest"),
        ("a<!-- <p>no</p> -->b", "ab"),
        ("a<!-- never closed", "a"),
        ("<div><div><div>deep</div></div></div><div>next</div>", "deep\nnext"),
        ("<pre>a\n  b</pre>", "a\nb"),
        ("<b>Bold</b> line\nsecond line", "Bold line\nsecond line"),
        ("<p>a\nb</p>", "a b"),
        ("first\n\nsecond<br>third", "first\n\nsecond\nthird"),
        ("1 < 2 <3 <b>x</b>", "1 < 2 <3 x"),
        ("<!DOCTYPE html><html><head><title>t</title></head><body>b</body></html>", "b"),
        ("unfinished <b", "unfinished"),
        ("<p>가격 문의&nbsp;환영</p><h2>사양</h2>", "가격 문의 환영\n\n사양"),
        ("", ""),
    ],
)
def test_markup_becomes_text(markup: str, text: str) -> None:
    assert readable(markup) == text


@pytest.mark.parametrize(
    "piece",
    ["<a ", "<a b='", '<a b="', "<!--", "<!", "</", "<a<", "&", "<ul>", "<script>", "<td>", "\n\n"],
)
def test_broken_markup_of_any_length_is_read(piece: str) -> None:
    readable(piece * 50_000)
