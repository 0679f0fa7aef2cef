/// The style of a report: light and dark by the reader's setting, quiet enough for the pictures, fit for paper.
let reportStyle = """
    :root{--paper:#f6f7f9;--card:#fff;--ink:#171b22;--soft:#5d6675;--line:#dfe3ea;--accent:#0b6bcb;--field:#ffb000;
    --outline:#19d3c5;--bad:#b3261e;--badpaper:#fdecea;--warnpaper:#fff5dc;--warn:#7a5300;
    --c0:#0b6bcb;--c1:#12a594;--c2:#e08700;--c3:#8e59c9;--c4:#d6457a;--c5:#7a8699}
    @media (prefers-color-scheme:dark){:root{--paper:#0e1116;--card:#171b22;--ink:#e8ebf1;--soft:#98a2b3;--line:#2a303b;
    --accent:#6cb2ff;--bad:#ffb4ab;--badpaper:#3a1815;--warnpaper:#332806;--warn:#ffd479;
    --c0:#4b9cf0;--c1:#2bbfae;--c2:#f0a33a;--c3:#b18ae0;--c4:#ee76a0;--c5:#8a95a8}}
    *{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
    body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
    font-variant-numeric:tabular-nums}
    main{max-width:1240px;margin:0 auto;padding:40px 28px 72px}
    a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
    header .mark{margin:0;color:var(--accent);font-weight:650;font-size:12px;letter-spacing:.14em;text-transform:uppercase}
    h1{font-size:32px;line-height:1.15;letter-spacing:-.02em;margin:6px 0 6px;font-weight:680}
    h2{font-size:19px;letter-spacing:-.01em;margin:44px 0 14px;font-weight:650}
    .subtitle{margin:0;color:var(--soft);display:flex;flex-wrap:wrap;gap:4px 18px;justify-content:space-between}
    .figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(136px,1fr));gap:1px;margin:24px 0 0;background:var(--line);
    border:1px solid var(--line);border-radius:14px;overflow:hidden}
    .figure{background:var(--card);padding:14px 16px 12px}
    .figure dt{color:var(--soft);font-size:12.5px}
    .figure dd{margin:2px 0 0;font-size:25px;font-weight:640;letter-spacing:-.02em;line-height:1.2}
    .figure small{display:block;font-size:12px;font-weight:400;letter-spacing:0;color:var(--soft);margin-top:3px}
    .warnings{list-style:none;margin:20px 0 0;padding:12px 16px;border-radius:12px;background:var(--warnpaper);color:var(--warn)}
    .warnings li+li{margin-top:4px}
    .canvas{position:relative;overflow:hidden;background:#000;border-radius:12px}
    .canvas img{display:block;width:100%;height:100%}
    .overview>input{position:absolute;opacity:0;pointer-events:none}
    .chip{display:inline-flex;align-items:center;gap:7px;padding:4px 12px;margin:0 8px 12px 0;border:1px solid var(--line);border-radius:99px;
    background:var(--card);font-size:13px;cursor:pointer;user-select:none}
    .chip::before{content:"";width:10px;height:10px;border-radius:3px;background:var(--soft)}
    .chip.tiles::before{background:#9aa4b5}.chip.outlines::before{background:var(--outline)}
    .chip.way::before{background:#fff;box-shadow:inset 0 0 0 2px #9aa4b5}.chip.fields::before{background:var(--field)}
    .overview>input:not(:checked)+.chip{opacity:.45}
    .overview>input:focus-visible+.chip{outline:2px solid var(--accent);outline-offset:2px}
    .overview .canvas{margin:0 auto}
    .overview svg{position:absolute;inset:0;width:100%;height:100%}
    .overview svg rect,.overview svg polygon,.overview svg polyline{fill:none}
    .overview .tiles rect{stroke:#fff;stroke-opacity:.28}
    .overview .outlines polygon{stroke:var(--outline);fill:var(--outline);fill-opacity:.1;stroke-linejoin:round}
    .overview .way{stroke:#fff;stroke-opacity:.55;stroke-dasharray:1.2% .8%}
    .overview .fields rect{stroke:var(--field)}
    .overview .fields .flag{fill:var(--field);stroke:none}
    .overview .fields text{fill:#1d1500;font-weight:700;text-anchor:middle}
    .overview .fields .skipped rect{stroke:#ff6b5e}.overview .fields .skipped .flag{fill:#ff6b5e;stroke:none}
    .overview .fields a:hover rect:not(.flag){fill:var(--field);fill-opacity:.18}
    #layer-tiles:not(:checked)~.canvas .tiles,#layer-outlines:not(:checked)~.canvas .outlines,
    #layer-way:not(:checked)~.canvas .way,#layer-fields:not(:checked)~.canvas .fields{display:none}
    .bar{position:absolute;right:14px;bottom:12px;border-bottom:3px solid #fff;text-align:center;filter:drop-shadow(0 0 3px #000)}
    .bar b{color:#fff;font-size:12px;font-weight:600;white-space:nowrap;line-height:1.5}
    .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(360px,1fr));gap:18px;align-items:start}
    .card{background:var(--card);border:1px solid var(--line);border-radius:16px;padding:14px 14px 10px;scroll-margin-top:20px;min-width:0}
    .card:target{border-color:var(--field);box-shadow:0 0 0 2px var(--field)}
    .card h3{display:flex;align-items:center;gap:10px;margin:0 0 12px;font-size:13px;font-weight:500;color:var(--soft)}
    .number{min-width:28px;padding:1px 8px;border-radius:7px;background:var(--field);color:#1d1500;font-weight:700;text-align:center;font-size:14px}
    .left-out .number{background:var(--badpaper);color:var(--bad)}
    .reason{margin:0 0 10px;padding:8px 12px;border-radius:10px;background:var(--badpaper);color:var(--bad)}
    figure{margin:0}figcaption{color:var(--soft);font-size:12px;margin-top:4px}
    .pictures{display:flex;flex-direction:column;gap:10px}
    .strip{display:grid;grid-template-columns:repeat(3,1fr);gap:10px}.strip:empty{display:none}
    .facts{display:flex;flex-wrap:wrap;gap:4px 18px;align-items:baseline;margin:12px 0 6px}
    .facts .channel{flex-basis:100%;font-weight:620}
    .facts dt{font-size:12px;color:var(--soft)}.facts dd{margin:0;font-weight:600}
    .chart{width:100%;height:auto;display:block;margin-top:4px}
    .chart .grid{stroke:var(--line);stroke-width:1}.chart .tick{fill:var(--soft);font-size:10px}
    .chart .threshold{stroke:var(--c2);stroke-width:1.2;stroke-dasharray:4 3}
    .chart .curve{fill:none;stroke:var(--c0);stroke-width:1.8;stroke-linejoin:round}
    .chart .corrected{stroke:var(--c1)}
    .chart .mark{fill:var(--card);stroke-width:2}.chart .mark.plain{stroke:var(--c0)}.chart .label{fill:var(--ink);font-size:12px;font-weight:650}
    .scroll{overflow-x:auto;border:1px solid var(--line);border-radius:14px;background:var(--card)}
    table{border-collapse:collapse;width:100%;font-size:14px}
    th,td{padding:7px 14px;text-align:right;white-space:nowrap}
    th{color:var(--soft);font-weight:500;font-size:12.5px;border-bottom:1px solid var(--line)}
    th:nth-child(5),td.text{text-align:left}
    tbody tr+tr td{border-top:1px solid var(--line)}tr.left-out td{color:var(--bad)}tr.left-out td:last-child{text-align:left;white-space:normal}
    .stack{display:flex;gap:2px;height:26px;border-radius:9px;overflow:hidden}
    .stack i{min-width:2px}
    .c0{background:var(--c0)}.c1{background:var(--c1)}.c2{background:var(--c2)}.c3{background:var(--c3)}.c4{background:var(--c4)}.c5{background:var(--c5)}
    .legend{list-style:none;display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:6px 26px;margin:14px 0 0;padding:0}
    .legend li{display:flex;align-items:center;gap:9px}
    .legend i{width:11px;height:11px;border-radius:3px}.legend b{margin-left:auto;font-weight:600}
    .legend small{color:var(--soft);width:48px;text-align:right}
    .entries{display:grid;grid-template-columns:repeat(auto-fill,minmax(330px,1fr));gap:0 34px;margin:0}
    .entries div{display:flex;gap:16px;justify-content:space-between;padding:6px 0;border-bottom:1px solid var(--line)}
    .entries dt{color:var(--soft);white-space:nowrap}.entries dd{margin:0;text-align:right;overflow-wrap:anywhere}
    @media (max-width:620px){main{padding:24px 14px 48px}.cards{grid-template-columns:1fr}h1{font-size:26px}}
    @media print{:root{--paper:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#ccc}
    body{font-size:11pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}main{max-width:none;padding:0}
    .card,.figures,.overview,.scroll tr{break-inside:avoid}.cards{grid-template-columns:1fr 1fr}h2{break-after:avoid}}
    """
