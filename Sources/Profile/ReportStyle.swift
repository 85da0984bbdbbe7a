/// The look of the report: light and dark after the reader's system, from a phone's width on.
enum ReportStyle {
    static let css = """
        :root{--ink:#1c2430;--soft:#5b6675;--line:#dde2e8;--paper:#f6f7f9;--card:#fff;--bar:#3f7fbf;--bar2:#b9cfe6;
        --warn:#9a5b00;--warnbg:#fff4df}
        @media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b3;--line:#313a46;--paper:#12161c;--card:#1a2028;
        --bar:#6aa5e0;--bar2:#2f4a66;--warn:#ffc66b;--warnbg:#3a2c10}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
        main{max-width:1080px;margin:0 auto;padding:20px 16px 60px}
        h1{font-size:22px;margin:0 0 2px}h2{font-size:17px;margin:34px 0 10px}h3{font-size:15px;margin:0;overflow-wrap:anywhere}
        p{margin:6px 0}.soft{color:var(--soft)}small{color:var(--soft);font-size:12.5px}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:10px;margin:18px 0 0}
        .tile,.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 14px}
        .tile b{display:block;font-size:20px;font-variant-numeric:tabular-nums}.tile span{color:var(--soft);font-size:13px}
        .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(320px,100%),1fr));gap:12px}
        .card header{display:flex;justify-content:space-between;gap:8px;align-items:baseline}
        .card header span{color:var(--soft);font-size:12.5px;white-space:nowrap}
        .warn{background:var(--warnbg);color:var(--warn);border-color:var(--warn)}
        .note{color:var(--warn);font-size:13px;margin:6px 0 0}
        svg{display:block;width:100%;height:auto;margin:8px 0 2px}rect{fill:var(--bar)}rect.back{fill:var(--bar2)}
        svg text{fill:var(--soft);font:10px system-ui,sans-serif}
        dl{display:grid;grid-template-columns:repeat(2,auto minmax(0,1fr));gap:0 14px;margin:8px 0 0;font-size:13px}
        dt{color:var(--soft)}dd{margin:0;text-align:right;font-variant-numeric:tabular-nums}
        .wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
        th,td{text-align:left;padding:5px 8px;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
        .wide td{overflow-wrap:normal}.wide td:first-child{min-width:6em;max-width:16em;overflow-wrap:anywhere}
        th{color:var(--soft);font-weight:500;white-space:nowrap}
        .bars{display:grid;grid-template-columns:minmax(0,9em) 1fr auto;gap:2px 8px;align-items:center;font-size:13px;
        margin-top:8px}
        .bars>span:nth-child(3n+1){overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
        .bars>span:nth-child(3n){color:var(--soft);font-variant-numeric:tabular-nums;text-align:right}
        .bars i{display:block;height:9px;border-radius:2px;background:var(--bar)}
        pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px;overflow:auto;font-size:13px}
        """
}
