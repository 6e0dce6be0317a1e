#include "tests/browser/site.hpp"

#include <memory>

namespace shannon::test {

const std::map<std::string, std::string>& site_pages() {
  static const std::map<std::string, std::string> pages{
      {"/", R"page(<title>Home</title><h1>Welcome</h1>
<nav><a href="/form">Form</a> <a href="/two">Second page</a></nav>
<p>The quick brown fox.</p>
<button id=go onclick="out.textContent='clicked '+(++n)">Go</button>
<p id=out></p><script>let n = 0</script>)page"},
      {"/two",
       R"page(<title>Two</title><h1>Second</h1><a href="/">Back home</a>)page"},
      {"/form", R"page(<title>Form</title><h1>Sign up</h1>
<form method=post action=/submit>
<label>E-mail <input name=mail type=email required></label>
<label for=pw>Password</label><input id=pw name=pw type=password value=preset-secret>
<label>Notes <textarea name=notes>old</textarea></label>
<label>Colour <select name=colour><option>Red<option value=g>Green<option disabled>Blue</select></label>
<label>Sizes <select name=sizes multiple><option>S<option>M<option>L</select></label>
<label><input type=checkbox name=terms> I agree</label>
<label>Born <input type=date name=born></label>
<input name=fixed value=constant readonly aria-label=Fixed>
<input type=file aria-label=Upload>
<div contenteditable aria-label=Rich id=rich>start</div>
<button>Sign up</button><button type=button disabled>Never</button>
</form>
<p id=keys></p><script>
addEventListener('keydown', e => { if (e.isTrusted) keys.textContent += e.key + ' ' })
</script>)page"},
      {"/shadow",
       R"page(<title>Shadow</title><h1>Outside</h1><my-card></my-card><script>
customElements.define('my-card', class extends HTMLElement { connectedCallback() {
  const root = this.attachShadow({mode: 'open'});
  root.innerHTML = '<p>Inside text</p><button class=deep>Deep</button><p class=said></p><my-inner></my-inner>';
  root.querySelector('button').onclick = () => root.querySelector('.said').textContent = 'deep clicked';
}});
customElements.define('my-inner', class extends HTMLElement { connectedCallback() {
  this.attachShadow({mode: 'open'}).innerHTML = '<input aria-label=Inner class=inner>';
}});
</script>)page"},
      {"/frame-in", R"page(<title>In</title><p>Text in a frame</p>
<button onclick="said.textContent='frame clicked'">Press me</button><p id=said></p>
<input aria-label="Frame field" id=ff>)page"},
      {"/waits", R"page(<title>Waits</title><style>
#cover { position: fixed; inset: 0; background: #ccc }
#moving { position: absolute; left: 0; top: 100px }
</style>
<p id=out></p>
<button id=late hidden onclick="out.textContent='late'">Late</button>
<button id=off disabled onclick="out.textContent='off'">Off</button>
<button id=moving onclick="out.textContent='moving'">Moving</button>
<div style="height:3000px"></div><button id=far onclick="out.textContent='far'">Far</button>
<script>
const q = new URLSearchParams(location.search);
const after = (ms, f) => setTimeout(f, ms);
if (q.has('late')) after(900, () => late.hidden = false);
if (q.has('off')) after(900, () => off.disabled = false);
if (q.has('move')) { let x = 0; const t = setInterval(() => moving.style.left = (x += 5) + 'px', 10); after(1000, () => clearInterval(t)); }
if (q.has('forever')) { let x = 0; setInterval(() => moving.style.left = (x = (x + 5) % 300) + 'px', 10); }
if (q.has('cover') || q.has('covered')) { const c = document.createElement('div'); c.id = 'cover'; document.body.append(c); if (q.has('cover')) after(900, () => c.remove()); }
if (q.has('made')) after(900, () => { const b = document.createElement('button'); b.id = 'made'; b.textContent = 'Made'; b.onclick = () => out.textContent = 'made'; document.body.prepend(b); });
</script>)page"},
      {"/table", R"page(<title>Table</title><table><caption>Prices</caption>
<tr><th>Item</th><th>Price</th></tr><tr><td>Apple</td><td>1.20</td></tr><tr><td>Pear</td><td>0.80</td></tr></table>
<a href="/two?x=1" data-kind=link>Two</a><a href="/two?x=1">Twice</a><a href="mailto:a@b.c">Mail</a>)page"},
      {"/scroll", R"page(<title>Endless</title><div id=list></div><script>
let n = 0;
const add = () => { for (let i = 0; i < 30; ++i) { const p = document.createElement('p'); p.textContent = 'Row ' + (++n); list.append(p); } };
add();
addEventListener('scroll', () => { if (n < 3000 && innerHeight + scrollY > document.body.scrollHeight - 200) add(); });
</script>)page"},
      {"/tall",
       R"page(<title>Tall</title><body style="margin:0"><div style="height:30000px;width:800px;background:linear-gradient(red,blue)"></div>)page"},
      {"/popup",
       R"page(<title>Popup</title><a href="/two" target=_blank>Open</a>
<button onclick="window.open('/two')">Window</button>
<button id=self onclick="window.close()">Close</button>)page"},
      {"/dialogs", R"page(<title>Dialogs</title><p id=out></p>
<button id=a onclick="alert('hello'); out.textContent='told'">Alert</button>
<button id=c onclick="out.textContent=confirm('sure?')">Confirm</button>
<button id=p onclick="out.textContent=prompt('name?')">Prompt</button>)page"},
      {"/spa",
       R"page(<title>Spa</title><button onclick="go()">Next</button><p id=view>one</p><script>
const go = () => { history.pushState({}, '', '/spa/next'); document.title = 'Spa next';
  fetch('/slow.json').then(r => r.text()).then(t => view.textContent = t); };
</script>)page"},
      {"/store", R"page(<title>Store</title><p id=out></p><script>
out.textContent = (localStorage.getItem('name') ?? 'nobody') + ' ' + (sessionStorage.getItem('step') ?? 'none');
const keep = (n, s) => { localStorage.setItem('name', n); sessionStorage.setItem('step', s); };
</script><div style="height:4000px"></div>)page"},
      {"/files", R"page(<title>Files</title><a id=plain href=/file.bin>File</a>
<a id=blob>Blob</a><a id=endless href=/endless.bin>Endless</a><script>
blob.href = URL.createObjectURL(new Blob(['from a blob'])); blob.download = '../../evil .txt';
</script>)page"},
      {"/outline",
       R"page(<title>Mixed</title><header><h1>Shop <a href="/">Home</a></h1></header>
<nav aria-label=Main><ul><li><a href="/two">One</a></li><li><a href="/two" aria-current=page>Two</a></li></ul></nav>
<main><h2>Cart</h2><p>Some <b>bold</b> and <i>italic</i> words.</p>
<div style="display:none">never shown <button>Hidden</button></div>
<div style="visibility:hidden">nor this <button>Invisible</button></div>
<p style="opacity:0">nor that</p><span aria-hidden=true>icon</span>
<div style="position:absolute;width:1px;height:1px;overflow:hidden">for readers only</div>
<div style="cursor:pointer" class=card><b>Card</b> with a hand</div>
<img alt="A picture" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" width=50 height=50><img width=9 height=9>
<button aria-label=Delete><svg width=10 height=10></svg></button>
<div role=checkbox aria-checked=true tabindex=0>Gift</div>
<button aria-expanded=false>Menu</button>
<select aria-label=Many><option>1<option>2<option>3<option>4<option>5<option>6<option>7<option>8<option>9<option>10</select>
<input type=search placeholder=Search value="old words"><input type=range aria-label=Loud min=0 max=9 value=4>
<details><summary>More</summary><p>folded away</p></details>
<label>Card number <input autocomplete=cc-number value=4111></label>
<dialog open aria-label=Cookies>We use cookies <button>Accept</button></dialog></main>)page"},
      {"/clobber", R"page(<title>Real</title><form><input name=tagName value=x>
<input name=parentNode><input name=children><input name=getAttribute>
<input name=querySelectorAll><input name=closest>
<input type=password name=attributes value=clobbered-secret>
<button type=button onclick="done.textContent='clobber clicked'">Click here</button></form>
<img name=body><img name=querySelectorAll><img name=title><form name=title></form><p id=done></p>)page"},
      {"/banners", R"page(<title>Banners</title><body style="margin:0">
<nav style="position:fixed;top:0;width:100%;height:40px;background:#eee"><a href="/two">Second page</a></nav>
<main style="padding-top:40px"><h1>Shop</h1><p>What the page is about.</p><p id=out></p>
<div style="height:7000px"></div><img id=lazy loading=lazy src="/seen.png" width=50 height=50></main>
<div class="cookie-banner" style="position:fixed;bottom:0;width:100%;height:120px;background:#ccc">We use cookies.
<button onclick="out.textContent+=' agreed'; this.parentNode.remove()">Accept all</button>
<button onclick="out.textContent+=' rejected'; setTimeout(() => this.parentNode.remove(), 150)">Reject all</button></div>
<div class=backdrop style="position:fixed;inset:0;background:#0008"></div>
<div role=dialog aria-label="Our letters" style="position:fixed;left:30%;top:30%;width:40%;height:30%;background:#fff">
<p>Subscribe!</p><a href="/two">Yes, close to you</a><button>Yes please</button>
<button aria-label=Close onclick="out.textContent+=' closed'; this.parentNode.remove()">&times;</button></div>
<script>document.documentElement.style.overflow = 'hidden'</script>)page"},
      {"/parts",
       R"page(<title>Parts</title><meta name=viewport content="width=device-width"><style>body { margin: 0 } h1, h2 { margin: 0 }</style>
<div id=app><header style="height:90px"><h1>Top</h1></header>
<div style="height:0;overflow:hidden">never seen</div>
<main><section id=hero style="height:700px"><h2>Hero</h2></section>
<section style="height:200px"><h2>Small</h2></section><section style="height:250px"><h2>Next</h2></section>
<section class=row style="display:flex;height:400px"><div style="width:50%">Left</div><div style="width:50%"><h2>Right</h2></div></section></main>
<footer style="height:80px" aria-label="The end">Imprint</footer></div>
<div class=chat style="position:fixed;right:0;bottom:0;width:60px;height:60px;background:red"></div>
<p style="margin:0;position:absolute;top:0;right:0">Badge</p>)page"},
      // -- hostile ------------------------------------------------------------
      {"/alerts",
       R"page(<title>Alerts</title><script>addEventListener('load', () =>
setTimeout(() => { for (;;) alert('again') }, 50))</script>Alerts)page"},
      {"/leave", R"page(<title>Leave</title><button>x</button><script>
addEventListener('beforeunload', e => { e.preventDefault(); e.returnValue = 'no'; })</script>)page"},
      {"/popups",
       R"page(<title>Popups</title><button onclick="for (let i = 0, n = Number(location.search.slice(1) || 1000); i < n; ++i) window.open('/two', 'w' + i)">Many</button>)page"},
      {"/busy",
       R"page(<title>Busy</title><p>here</p><script>setTimeout(() => { for (;;); }, 300)</script>)page"},
      {"/huge", R"page(<title>Huge</title><body><script>
const t = 'x'.repeat(1 << 20);
const end = performance.now() + 3000;
for (let i = 0; i < 1000 && performance.now() < end; ++i) {
  const d = document.createElement('div');
  d.append(document.createTextNode(t + i));
  document.body.append(d);
}
document.body.insertAdjacentHTML('afterbegin', '<button>First</button>');
</script>)page"},
      {"/many", R"page(<title>Many</title><body><script>
let h = ''; for (let i = 0; i < 20000; ++i) h += '<div><a href=/two>Link ' + i + '</a><p>Some words about it</p></div>';
document.body.innerHTML = h;
</script>)page"},
      {"/noise", R"page(<title>Noise</title><p>quiet</p><script>
const big = 'y'.repeat(1 << 20);
setInterval(() => { console.log(big); document.title = 'Noise' + Math.random(); history.replaceState({}, '', '?' + Math.random()); fetch('data:,' + big); }, 20);
</script>)page"},
      {"/deep", R"page(<title>Deep</title><body><script>
let at = document.body; for (let i = 0; i < 2000; ++i) { const d = document.createElement('div'); at.append(d); at = d; }
at.innerHTML = '<button>Bottom</button>';
</script>)page"},
      {"/frames", R"page(<title>Frames</title><body><script>
for (let i = 0; i < 300; ++i) { const f = document.createElement('iframe'); f.srcdoc = '<button>b' + i + '</button>'; document.body.append(f); }
</script>)page"},
      {"/self-frame",
       R"page(<title>Self</title><button>Here</button><iframe src="/self-frame?x"></iframe>)page"},
  };
  return pages;
}

bool site_action(const site_request& request, site_answer& out) {
  const auto& path = request.path;
  if (path == "/submit") {
    out.body = "<title>Thanks</title><h1>Thanks</h1><p id=got></p>";
  } else if (path == "/frames-of") {
    // The same page in frames of this and of another origin.
    auto colon = request.host.find(':');
    auto port = colon == std::string::npos ? "" : request.host.substr(colon);
    out.body = "<title>Framed</title><h1>Frames</h1><div style='height:40px'>"
               "</div><iframe title=Own src=/frame-in style='margin:20px;"
               "border:7px solid;padding:5px'></iframe><iframe title=Other "
               "src='http://other.test"
               + port + "/frame-in'></iframe>";
  } else if (path == "/redirect") {
    out.status = 302;
    out.headers = {{"Location", "/two"}};
  } else if (path == "/loop") {
    out.status = 302;
    out.headers = {{"Location", "/loop"}};
  } else if (path == "/to-file") {
    out.status = 302;
    out.headers = {{"Location", "file:///etc/passwd"}};
  } else if (path == "/slow") {
    out.delay_ms = 1'500;
    out.body = "<title>Slow</title>slow";
  } else if (path == "/never") {
    out.delay_ms = 20'000;
  } else if (path == "/slow.json") {
    out.type = "application/json";
    out.delay_ms = 400;
    out.body = "loaded later";
  } else if (path == "/slow-image") {
    out.body = "<title>Picture</title><p>text</p><img src=/never.png>";
  } else if (path == "/never.png") {
    out.delay_ms = 6'000;
  } else if (path == "/broken") {
    out.body = "<title>Broken</title><p>half of";
    out.breaks = true;
  } else if (path == "/error") {
    out.status = 500;
    out.body = "<title>Oops</title>it failed";
  } else if (path == "/nothing") {
    out.status = 204;
  } else if (path == "/file.bin") {
    out.type = "application/octet-stream";
    out.headers
        = {{"Content-Disposition", "attachment; filename=\"data.bin\""}};
    out.body = std::string("\0\1\2binary", 9);
  } else if (path == "/large.bin") {
    out.type = "application/octet-stream";
    out.body = std::string(8 << 20, 'L');
  } else if (path == "/endless.bin" || path == "/endless") {
    out.type = path == "/endless" ? "text/html" : "application/octet-stream";
    out.more = [chunk = std::string(256 * 1024, 'E')] { return chunk; };
  } else if (path == "/login") {
    out.body = "<title>In</title>welcome";
    out.headers = {{"Set-Cookie", "who=me; Path=/; HttpOnly"},
                   {"Set-Cookie", "long=kept; Path=/; Max-Age=9999"}};
  } else if (path == "/me") {
    bool known = request.cookie.find("who=me") != std::string::npos;
    out.body = known ? "<title>Me</title><p>signed in</p>"
                     : "<title>Me</title><p>a stranger</p>";
  } else {
    return false;
  }
  return true;
}

} // namespace shannon::test
