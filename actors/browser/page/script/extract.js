// Text, HTML, attributes, links and tables.

const block_css = /^(address|article|aside|blockquote|body|br|dd|details|dialog|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|header|hr|html|legend|li|main|nav|ol|option|p|pre|section|summary|table|tbody|tfoot|thead|tr|ul)$/;

const has_shadow = (e) => shadow_of(e)
  || shadow_roots(e, performance.now() + 100).length > 0;

// As innerText has it, with what shadow roots show.
const page_text = (e) => {
  if (!has_shadow(e))
    return inner_text(e);
  let out = '';
  const open = [e];
  const until = performance.now() + 2000;
  while (open.length && performance.now() < until && out.length < 4e6) {
    const at = open.pop();
    if (typeof at === 'string') {
      out += at;
    } else if (node_type(at) === 3) {
      out += text_content(at).replace(/\s+/g, ' ');
    } else if (is_element(at)) {
      const tag = tag_name(at);
      if (/^(script|style|noscript|template)$/.test(tag))
        continue;
      const style = getComputedStyle(at);
      if (style.display === 'none' || style.visibility === 'hidden')
        continue;
      const end = block_css.test(tag) ? '\n' : /^t[dh]$/.test(tag) ? '\t' : '';
      if (end === '\n' && out && !out.endsWith('\n'))
        out += '\n';
      if (end)
        open.push(end);
      open.push(...shown_children(at).reverse());
    }
  }
  return out.replace(/[ \t]+\n/g, '\n').replace(/\n{3,}/g, '\n\n');
};

// An inert copy: no script of the page runs, no value of a secret is in it.
const page_html = (e) => {
  const copy = reader(Document.prototype, 'implementation')(document)
    .createHTMLDocument('').importNode(e, true);
  for (const field of [copy, ...all_in(copy, 'input')])
    if (is_secret(field))
      field.removeAttribute('value');
  return reader(Element.prototype, 'outerHTML')(copy);
};

const page_attribute = (e, name) => {
  if (name === 'value' && is_secret(e))
    throw wrong('the value of a secret field is not shown');
  const live = name === 'value' || name === 'checked' || name === 'selected';
  if (live && name in e)
    return String(e[name]);
  return attribute(e, name);
};

const page_links = (roots, most) => {
  const seen = new Set();
  const out = [];
  for (const root of roots)
    for (const a of find_css(root, 'a[href],area[href]')) {
      const url = a.href;
      if (typeof url !== 'string' || !/^https?:/.test(url) || seen.has(url))
        continue;
      seen.add(url);
      if (out.length < most)
        out.push({text: name_of(a), url: cut(url, 2000)});
    }
  return {links: out, missing: seen.size - out.length};
};

const page_tables = (roots, most) => {
  const out = [];
  let missing = 0;
  for (const root of roots) {
    const own = is_element(root) && tag_name(root) === 'table' ? [root] : [];
    for (const table of [...own, ...find_css(root, 'table')]) {
      if (out.length >= 20 || most <= 0) {
        ++missing;
        continue;
      }
      const rows = [];
      for (const row of table.rows) {
        const cells = [...row.cells].slice(0, 50)
          .map((cell) => cut(one_line(cell.innerText ?? ''), 300));
        most -= cells.join('').length + 4 * cells.length;
        if (most <= 0) {
          rows.push([`… ${table.rows.length - rows.length} more rows`]);
          break;
        }
        rows.push(cells);
      }
      out.push({caption: one_line(table.caption?.innerText ?? ''), rows});
    }
  }
  return {tables: out, missing};
};

// Beside what is read of it.
const element_facts = (e) => {
  const r = rect_of(e);
  return {tag: tag_name(e), visible: is_visible(e), bounding_box:
    {x: r.x, y: r.y, width: r.width, height: r.height}};
};

const extract = ({selector, kind, name, most}) => {
  const found = selector ? find_all(selector)
    : [body()];
  if (!found.length)
    return {count: 0};
  const count = found.length;
  const elements = found.slice(0, 100);
  const roots = selector ? elements : [document];
  if (kind === 'links')
    return {count, ...page_links(roots, Math.min(1000, most / 40))};
  if (kind === 'tables')
    return {count, ...page_tables(roots, most)};
  const read = kind === 'html' ? page_html
    : kind === 'attribute' ? (e) => page_attribute(e, name)
    : (e) => is_field(e) && !is_editable(e)
        ? (is_secret(e) ? '' : e.value ?? '') : page_text(e);
  const parts = [];
  const told = [];
  let left = most;
  let whole = true;
  for (const e of elements) {
    const part = selector || kind !== 'html' ? read(e)
      : page_html(root_of(document));
    if (part === null)
      continue;
    if (part.length > left || left <= 0) {
      whole = false;
      parts.push(part.slice(0, Math.max(left, 0)));
      break;
    }
    left -= part.length;
    parts.push(part);
    if (selector && told.length < 50)
      told.push(element_facts(e));
  }
  return {count, parts, whole, told};
};
