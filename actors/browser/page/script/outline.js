// The page for a model: what can be acted on, numbered, with the headings and
// text around it. Hidden nodes are no part of it.

const is_landmark = (e) => {
  const role = attribute(e, 'role');
  const tag = tag_name(e);
  if (/^(nav|main|aside|form|dialog|footer|header)$/.test(tag))
    return tag;
  return role && /^(navigation|main|dialog|alertdialog|form|search|alert|menu|tablist)$/
    .test(role) ? role : '';
};

const not_shown = /^(script|style|noscript|template|head|link|meta|title|base|datalist|source|track|param|path|defs)$/;

// Walks what is shown, as far as time goes.
const collect = (root, until) => {
  const lines = [];
  let text = '';
  let text_seen = false;
  let cut_short = false;
  const flush = (depth) => {
    const said = one_line(text);
    if (said)
      lines.push({kind: 'text', depth, text: said, seen: text_seen});
    text = '';
    text_seen = false;
  };
  const open = [{node: root, depth: 0, pointer: false, quiet: false}];
  let visited = 0;
  while (open.length) {
    const {node, depth, pointer, quiet, end} = open.pop();
    if (end) {
      flush(depth);
      continue;
    }
    if ((++visited & 255) === 0 && performance.now() > until) {
      cut_short = true;
      break;
    }
    if (node_type(node) === 3) {
      if (!quiet)
        text += text_content(node);
      continue;
    }
    if (!is_element(node))
      continue;
    const tag = tag_name(node);
    if (not_shown.test(tag) || attribute(node, 'aria-hidden') === 'true')
      continue;
    const style = getComputedStyle(node);
    if (style.display === 'none')
      continue;
    const rect = rect_of(node);
    const contents = style.display === 'contents';
    const hidden = style.visibility !== 'visible' || style.opacity === '0';
    const clipped = !contents && (rect.width <= 1 || rect.height <= 1)
      && /hidden|clip/.test(style.overflow);
    if (clipped && tag !== 'body' && tag !== 'html')
      continue;
    const seen = rect.bottom > 0 && rect.top < innerHeight
      && rect.right > 0 && rect.left < innerWidth;
    const box = rect.width > 0 && rect.height > 0;
    const add = (kind, said) => {
      flush(depth);
      lines.push({kind, depth, text: said, seen, element: node});
    };
    if (tag === 'iframe' || tag === 'frame') {
      if (box && !hidden) {
        let index = -1;
        for (let i = 0; i < window.frames.length; ++i)
          if (window.frames[i] === node.contentWindow)
            index = i;
        add('frame', describe(node));
        lines.at(-1).index = index;
      }
      continue;
    }
    if (/^h[1-6]$/.test(tag) || attribute(node, 'role') === 'heading') {
      const name = one_line(shown_text(node));
      if (name && !hidden)
        add('text', `heading ${attribute(node, 'aria-level') ?? tag[1]} `
          + quoted(cut(name, 150)));
      // Links in a heading are to be followed, too.
      for (const e of find_css(node, interactive_css))
        if (is_visible(e)) {
          lines.push({kind: 'act', depth, text: describe(e), seen, element: e});
        }
      continue;
    }
    const acts = matches(node, interactive_css);
    // A script that listens cannot be seen, but the hand of the pointer can.
    const hand = !acts && !pointer && style.cursor === 'pointer'
      && tag !== 'label' && tag !== 'html' && tag !== 'body';
    if ((acts || hand) && box && style.visibility === 'visible'
        && (!hidden || /^(input|select)$/.test(tag))) {
      const role = hand ? 'clickable' : role_of(node);
      const name = name_of(node);
      if (name || role !== 'clickable') {
        const state = state_of(node);
        add('act', role + (name ? ' ' + quoted(name) : '')
          + (state ? ' ' + state : ''));
        // A card that is one large link may hold more to act on.
        if (!/^(button|input|select|textarea)$/.test(tag))
          for (const e of find_css(node, interactive_css))
            if (is_visible(e)) {
              const more = state_of(e);
              lines.push({kind: 'act', depth: depth + 1, seen, element: e,
                text: describe(e) + (more ? ' ' + more : '')});
            }
        continue;
      }
    }
    if (tag === 'img' && box && !hidden) {
      const name = name_of(node);
      if (name)
        text += ` [image: ${name}] `;
      continue;
    }
    if (tag === 'svg' || tag === 'canvas' || tag === 'video' || tag === 'audio') {
      const name = attribute(node, 'aria-label');
      if (name && box)
        text += ` [${tag}: ${one_line(name)}] `;
      continue;
    }
    if (style.opacity === '0')
      continue;
    const landmark = is_landmark(node);
    let inner = depth;
    if (landmark && box) {
      const name = attribute(node, 'aria-label');
      add('mark', landmark + (name ? ' ' + quoted(cut(one_line(name), 80)) : ''));
      inner = Math.min(depth + 1, 6);
    }
    const block = !/^(inline|contents)/.test(style.display);
    if (block && !/^(inline)/.test(style.display)) {
      flush(depth);
      open.push({end: true, depth: inner});
    } else if (block) {
      text += ' ';
    }
    text_seen = text_seen || seen;
    if (style.visibility !== 'visible') {
      // Children may be shown all the same; its own text is not.
      for (const child of shown_children(node).reverse())
        if (is_element(child))
          open.push({node: child, depth: inner, pointer, quiet});
      continue;
    }
    const below = pointer || style.cursor === 'pointer';
    // A field has its label as its name already.
    const named = quiet || (tag === 'label' && node.control
                            && is_visible(node.control));
    const folded = style.contentVisibility === 'hidden'
      || (tag === 'details' && !node.open);
    for (const child of shown_children(node).reverse())
      if (!folded || (is_element(child) && tag_name(child) === 'summary'))
        open.push({node: child, depth: inner, pointer: below, quiet: named});
  }
  flush(0);
  return {lines, cut_short};
};

const utf8 = new TextEncoder();
const size_of = (line) => utf8.encode(line).length + 1;

// As much as fits: first texts get shorter, then those out of sight go, then
// all; then the end is cut off.
const fit = (lines, most) => {
  const texts = [
    (l) => cut(l.text, 400),
    (l) => cut(l.text, 100),
    (l) => l.seen ? cut(l.text, 100) : null,
    () => null,
  ];
  let shown = [];
  for (const shorten of texts) {
    let size = 0;
    shown = [];
    for (const l of lines) {
      const text = l.kind !== 'text' || l.text.startsWith('heading ')
        ? l.text : shorten(l);
      if (text === null)
        continue;
      const number = l.kind === 'act' ? `@${number_of(l.element)} ` : '';
      const line = '  '.repeat(l.depth) + number + text;
      size += size_of(line);
      shown.push({line, kind: l.kind, index: l.index});
      if (size > most)
        break;
    }
    if (size <= most)
      return shown;
  }
  // The last of them is the one too many.
  shown.pop();
  return shown;
};

const outline = ({first, most, selector}) => {
  next_number = Math.max(next_number, first);
  const root = selector ? find_first(selector).element
    : body();
  if (!root)
    return {absent: true, next: next_number};
  const {lines, cut_short} = collect(root, performance.now() + 1500);
  const shown = fit(lines, most);
  const count = (list, kind) => list.filter((l) => l.kind === kind).length;
  const place = scroll_place(null);
  return {
    lines: shown.map((l) => l.kind === 'frame'
      ? {frame: l.index, line: l.line} : l.line),
    next: next_number,
    acts: count(lines, 'act'),
    acts_missing: count(lines, 'act') - count(shown, 'act'),
    texts_missing: lines.length - count(lines, 'act')
      - (shown.length - count(shown, 'act')),
    cut_short, place,
  };
};
