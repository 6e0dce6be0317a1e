// Every way in which a page can make a browser speak with somebody. Each takes
// a URL and ends when the browser has, or after a while.
(() => {
  const wait = ms => new Promise(done => setTimeout(done, ms));
  const within = (promise, ms) => Promise.race([promise, wait(ms)]);
  const html = document.documentElement;
  const element = (name, attributes, ms = 3000) => new Promise(done => {
    const e = document.createElement(name);
    const end = () => { e.remove(); done(); };
    e.onload = e.onerror = e.onloadedmetadata = end;
    setTimeout(end, ms);
    for (const [key, value] of Object.entries(attributes))
      e.setAttribute(key, value);
    html.appendChild(e);
  });
  const link = (rel, more = {}) =>
    url => element('link', {rel, href: url, ...more}, 600);
  const frame = attributes => element('iframe', attributes, 2000);
  const staying = async attributes => {
    const e = document.createElement('iframe');
    for (const [key, value] of Object.entries(attributes))
      e.setAttribute(key, value);
    html.appendChild(e);
    await wait(1000);
    e.remove();
  };
  const via = (page, url, more = '') =>
    `${location.origin}/${page}?to=${encodeURIComponent(url)}${more}`;
  const redirected = status => async url => {
    const from = via('redirect', url, `&status=${status}`);
    await within(fetch(from, {mode: 'no-cors'}).catch(() => 0), 3000);
    await element('img', {src: from});
  };
  const form = method => async url => {
    const target = 'form' + Math.random();
    const f = document.createElement('iframe');
    f.name = target;
    html.appendChild(f);
    const e = document.createElement('form');
    e.method = method;
    e.action = url;
    e.target = target;
    html.appendChild(e);
    e.submit();
    await wait(700);
    e.remove();
    f.remove();
  };
  const click = attributes => async url => {
    const a = document.createElement('a');
    a.href = url;
    for (const [key, value] of Object.entries(attributes))
      a.setAttribute(key, value);
    html.appendChild(a);
    a.click();
    await wait(300);
    a.remove();
  };
  const style = text => async url => {
    const e = document.createElement('style');
    e.textContent = text(JSON.stringify(url));
    html.appendChild(e);
    await wait(600);
    e.remove();
  };

  window.ways = {
    img: url => element('img', {src: url}),
    srcset: url => element('img', {srcset: `${url} 1x`}, 800),
    script: url => element('script', {src: url}),
    module: url => within(import(url).catch(() => 0), 3000),
    stylesheet: link('stylesheet'),
    video: url => element('video', {src: url, preload: 'auto'}, 1500),
    audio: url => element('audio', {src: url, preload: 'auto'}, 1500),
    svg_image: async url => {
      const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
      const image =
        document.createElementNS('http://www.w3.org/2000/svg', 'image');
      image.setAttribute('href', url);
      svg.appendChild(image);
      html.appendChild(svg);
      await wait(600);
      svg.remove();
    },
    css_import: style(url => `@import ${url};`),
    css_image: async url => {
      const e = document.createElement('div');
      e.style.cssText = 'width: 9px; height: 9px';
      e.style.backgroundImage = `url(${JSON.stringify(url)})`;
      html.appendChild(e);
      await wait(600);
      e.remove();
    },
    css_font: async url => {
      const face = new FontFace('f' + Math.random().toString(36).slice(2),
                                `url(${JSON.stringify(url)})`);
      await within(face.load().catch(() => 0), 2000);
    },
    fetch: url => within(fetch(url, {mode: 'no-cors'}).catch(() => 0), 3000),
    fetch_cors: url =>
      within(fetch(url, {method: 'PUT', headers: {'X-A': 'b'}, body: 'x'})
               .catch(() => 0), 3000),
    fetch_keepalive: url =>
      within(fetch(url, {mode: 'no-cors', keepalive: true}).catch(() => 0),
             3000),
    xhr: url => within(new Promise(done => {
      const x = new XMLHttpRequest();
      x.onloadend = done;
      x.open('POST', url);
      x.send('x');
    }), 3000),
    beacon: async url => { navigator.sendBeacon(url, 'x'); await wait(300); },
    event_source: url => within(new Promise(done => {
      const e = new EventSource(url);
      e.onerror = () => { e.close(); done(); };
    }), 3000),
    web_socket: url => within(new Promise(done => {
      const s = new WebSocket(url.replace(/^http/, 'ws'));
      s.onclose = done;
    }), 3000),
    worker: url => within(new Promise(done => {
      const code = `try { importScripts(${JSON.stringify(url)}) } catch (e) {}
        fetch(${JSON.stringify(url)}, {mode: 'no-cors'}).catch(() => 0)
          .then(() => postMessage(1))`;
      const w = new Worker(URL.createObjectURL(new Blob([code])));
      w.onmessage = w.onerror = () => { w.terminate(); done(); };
    }), 3000),
    service_worker: url => within((async () => {
      await navigator.serviceWorker.register('/service-worker.js');
      const ready = await navigator.serviceWorker.ready;
      const pipe = new MessageChannel();
      const done = new Promise(end => { pipe.port1.onmessage = end; });
      ready.active.postMessage(url, [pipe.port2]);
      await done;
    })(), 3000),
    prefetch: link('prefetch'),
    preload: link('preload', {as: 'script'}),
    module_preload: link('modulepreload'),
    preconnect: link('preconnect'),
    dns_prefetch: link('dns-prefetch'),
    speculation: async url => {
      const e = document.createElement('script');
      e.type = 'speculationrules';
      e.textContent = JSON.stringify(
        {prefetch: [{source: 'list', eagerness: 'immediate',
                     urls: [url, url.replace(/^http:/, 'https:')]}],
         prerender: [{source: 'list', eagerness: 'immediate', urls: [url]}]});
      html.appendChild(e);
      await wait(500);
      e.remove();
    },
    redirect_301: redirected(301),
    redirect_302: redirected(302),
    redirect_303: redirected(303),
    redirect_307: redirected(307),
    redirect_308: redirected(308),
    ping: async url => {
      const a = document.createElement('a');
      a.ping = url;
      a.href = '#x';
      html.appendChild(a);
      a.click();
      await wait(300);
      a.remove();
    },
    web_rtc: async url => {
      const host = new URL(url).host;
      const peer = new RTCPeerConnection({iceServers: [
        {urls: `stun:${host}`},
        {urls: [`turn:${host}?transport=udp`, `turn:${host}?transport=tcp`,
                `turns:${host}?transport=tcp`],
         username: 'u', credential: 'c'}]});
      const gathered = new Promise(done => {
        peer.onicegatheringstatechange = () =>
          peer.iceGatheringState === 'complete' && done();
      });
      peer.createDataChannel('x');
      await peer.setLocalDescription(await peer.createOffer());
      await within(gathered, 1500);
      peer.close();
    },
    web_transport: url => within((async () => {
      const t = new WebTransport(url.replace(/^http:/, 'https:'));
      await Promise.allSettled([t.ready, t.closed]);
    })().catch(() => 0), 2000),

    // Those below make a page each.
    iframe: url => frame({src: url}),
    object: url => element('object', {data: url}, 1500),
    embed: url => element('embed', {src: url}, 1500),
    frame_redirect: url => frame({src: via('redirect', url, '&status=302')}),
    frame_relative: url => frame({
      src: via('redirect', url.replace(/^https?:/, ''), '&status=307')}),
    meta_refresh: url => staying({src: via('meta', url)}),
    refresh_field: url => staying({src: via('refresh', url)}),
    location: url => staying({src: via('location', url)}),
    srcdoc: url => frame({
      srcdoc: `<img src='${url}'><iframe src='${url}'></iframe>`}),
    data_page: url => frame({
      src: `data:text/html,<img src='${encodeURIComponent(url)}'>`}),
    form_get: form('get'),
    form_post: form('post'),
    download: url => staying({
      srcdoc: `<a download href='${via('redirect', url, '&status=302')}'></a>
        <script>document.querySelector('a').click()</script>`}),
    anchor: url => staying({
      srcdoc: `<a download href='${url}'></a>
        <script>document.querySelector('a').click()</script>`}),
    attachment: url => staying({src: via('redirect', url, '&status=303')}),
    new_window: click({target: '_blank', rel: 'noopener'}),
    popup: async url => {
      const w = window.open(url);
      await wait(500);
      if (w)
        w.close();
    },
    popup_moved: async url => {
      const w = window.open('about:blank');
      if (!w)
        return;
      w.location = url;
      await wait(500);
      w.close();
    },
  };

  // All of them, some at a time.
  window.take = async (way, urls, at_once) => {
    const rest = urls.slice();
    let tried = 0;
    const next = async () => {
      for (let url; (url = rest.shift()) !== undefined; ++tried)
        try { await ways[way](url); } catch (e) { /* not even begun */ }
    };
    await Promise.all(Array.from({length: at_once}, next));
    return tried;
  };
  return Object.keys(window.ways);
})()
