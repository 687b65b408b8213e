"""The style of the page, light and dark."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{--back:#fff;--ink:#1b2430;--soft:#5a6675;--line:#d5dbe3;--final:#2f7d5b;--still:#9fd0b8;--early:#d9a514;
--part:#d9682b;--none:#b3202c;--open:#8793a3;--bar:#3b6fb6;--code:#f2f4f7}
@media(prefers-color-scheme:dark){:root{--back:#12171e;--ink:#e4e9f0;--soft:#9aa7b8;--line:#323c49;--final:#3fa577;
--still:#27543f;--early:#e3b93c;--part:#ee8a50;--none:#f0606b;--open:#66738a;--bar:#78a5e6;--code:#1d252f}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:24px 20px 60px;overflow-wrap:anywhere}
h1{font-size:24px;margin:0 0 4px}
h2{font-size:20px;margin:0 0 10px}
h3,caption{font-size:15px;font-weight:600;text-align:left;margin:22px 0 4px}
caption{padding:4px 0}
section{margin-top:40px;padding-top:20px;border-top:1px solid var(--line)}
p{margin:4px 0}
a{color:var(--bar)}
.about,small{color:var(--soft)}
.good{margin-top:10px}
.to-do{margin-top:14px;font-size:17px;font-weight:600}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 20px;margin:0 0 10px;padding:0}
.legend svg{width:12px;height:12px;vertical-align:-1px}
svg text{fill:var(--soft);font-size:10px}
svg.calendar{display:block;width:100%;max-width:880px;margin:8px 0}
svg.ages{display:block;max-width:100%;height:auto}
figure{margin:8px 0}
figcaption{color:var(--soft)}
line{stroke:var(--line)}
.bar{fill:var(--bar)}
.final{fill:var(--final)}.still_read{fill:var(--still)}.early{fill:var(--early)}.unproven{fill:var(--open)}
.incomplete{fill:var(--part)}.not_landed{fill:var(--none)}
.table{overflow-x:auto;margin-top:18px}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:5px 12px 5px 0;border-bottom:1px solid var(--line);font-weight:400;
min-width:92px}
thead th{color:var(--soft);font-size:13px;overflow-wrap:normal}
th a{white-space:nowrap}
code{background:var(--code);padding:1px 4px;border-radius:3px;font:13px/1.5 ui-monospace,monospace}
code span{display:inline-block;max-width:100%}
.days{white-space:nowrap}
.tag{border-left:4px solid var(--line);padding-left:6px;white-space:nowrap}
.early-tag{border-color:var(--early)}.incomplete-tag{border-color:var(--part)}
.not_landed-tag,.failed-tag,.failed,.killed{border-color:var(--none)}
.success{border-color:var(--final)}.running{border-color:var(--bar)}
"""
