// From a selector to elements: CSS, `text=…`, `xpath=…`, `@12`, and chains of
// them with ` >> `.

const wrong = (text) => ({wrong: text});

const find_css = (root, css) => {
  const until = performance.now() + 200;
  let found;
  try {
    found = [...all_in(root, css)];
  } catch {
    throw wrong(`'${css}' is no CSS selector; others are text=…, xpath=… `
      + `and @N of browser_observe`);
  }
  for (const shadow of shadow_roots(root, until))
    found.push(...all_in(shadow, css));
  return found.length ? found : find_through(root, css);
};

// `my-app .name` where a shadow root stands between the two.
const find_through = (root, css) => {
  const parts = css.match(/(?:\[[^\]]*\]|\([^)]*\)|"[^"]*"|'[^']*'|\S)+/g);
  if (!parts || parts.length < 2 || /[>+~,]/.test(css))
    return [];
  let scopes = [root];
  for (const part of parts) {
    const next = new Set();
    for (const scope of scopes) {
      const roots = [scope, ...shadow_roots(scope, performance.now() + 100)];
      if (scope !== root && shadow_of(scope)) {
        const own = shadow_of(scope);
        roots.push(own, ...shadow_roots(own, performance.now() + 100));
      }
      for (const at of roots)
        for (const e of all_in(at, part))
          next.add(e);
    }
    scopes = [...next];
  }
  return scopes;
};

const button_text = (e) =>
  tag_name(e) === 'input' && /^(submit|button|reset)$/.test(e.type)
    ? e.value : null;

// The smallest elements that hold the text: `text=part`, `text="whole"`.
const find_text = (root, wanted) => {
  const exact = /^(["'])(.*)\1$/.exec(wanted);
  const text = one_line(exact ? exact[2] : wanted);
  const holds = exact
    ? (t) => one_line(t).includes(text)
    : (t) => one_line(t).toLowerCase().includes(text.toLowerCase());
  const fits = exact ? (t) => one_line(t) === text : holds;
  const until = performance.now() + 500;
  const found = [];
  const visit = (at, depth) => {
    let inner = false;
    for (const child of children_in(at)) {
      if (/^(script|style|noscript|template|head)$/.test(tag_name(child)))
        continue;
      const own = button_text(child);
      if (own !== null && fits(own)) {
        found.push(child);
        inner = true;
      } else if (depth < 200 && performance.now() < until
                 && (holds(text_content(child)) || shadow_of(child)
                     || first_in(child, 'input'))) {
        inner = visit(child, depth + 1) || inner;
      }
    }
    const shadow = is_element(at) && shadow_of(at);
    if (shadow)
      inner = visit(shadow, depth + 1) || inner;
    if (!inner && is_element(at) && fits(text_content(at))) {
      found.push(at);
      inner = true;
    }
    return inner;
  };
  visit(root, 0);
  if (!found.length)
    for (const shadow of shadow_roots(root, until))
      visit(shadow, 0);
  return found;
};

const find_xpath = (root, path) => {
  try {
    const all = Document.prototype.evaluate.call(document, path, root, null,
      XPathResult.ORDERED_NODE_SNAPSHOT_TYPE, null);
    const out = [];
    for (let i = 0; i < all.snapshotLength; ++i)
      if (is_element(all.snapshotItem(i)))
        out.push(all.snapshotItem(i));
    return out;
  } catch {
    throw wrong(`'${path}' is no XPath expression`);
  }
};

const find_one = (root, selector) => {
  const number = /^@(\d+)$/.exec(selector);
  if (number) {
    const e = numbered(Number(number[1]));
    return e ? [e] : [];
  }
  if (selector.startsWith('text='))
    return find_text(root, selector.slice(5));
  if (selector.startsWith('xpath='))
    return find_xpath(root, selector.slice(6));
  if (selector.startsWith('//'))
    return find_xpath(root, selector);
  return find_css(root, selector.startsWith('css=') ? selector.slice(4)
                                                    : selector);
};

const find_all = (selector) => {
  let scopes = [document];
  for (const part of selector.split(/\s+>>\s+/)) {
    const next = new Set();
    for (const scope of scopes)
      for (const e of find_one(scope, part.trim()))
        next.add(e);
    scopes = [...next];
  }
  return scopes;
};

// The first that can be seen, else the first.
const find_first = (selector) => {
  const all = find_all(selector);
  return {element: all.find(is_visible) ?? all[0], count: all.length};
};

// What might have been meant, for the sentence of an error.
const similar = ({selector}) => {
  const words = selector.toLowerCase().match(/[a-z0-9]{2,}/g) ?? [];
  const scored = [];
  const until = performance.now() + 200;
  for (const e of find_css(document, interactive_css)) {
    if (performance.now() > until)
      break;
    const about = [tag_name(e), attribute(e, 'id'), attribute(e, 'name'),
      attribute(e, 'class'), attribute(e, 'type'), name_of(e)]
      .join(' ').toLowerCase();
    const score = words.filter((w) => about.includes(w)).length;
    if (score && is_visible(e))
      scored.push({score, e});
  }
  scored.sort((a, b) => b.score - a.score);
  return scored.slice(0, 3).map(({e}) => `@${number_of(e)} ${describe(e)}`);
};
