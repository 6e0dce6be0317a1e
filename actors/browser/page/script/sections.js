// A page as a list of parts from its top to its end, each about as much as is
// looked at at once.

const box_on_page = (e) => {
  const r = rect_of(e);
  return {x: r.left + scrollX, y: r.top + scrollY, width: r.width,
          height: r.height, of: [e]};
};

const around = (a, b) => {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return {x, y, width: Math.max(a.x + a.width, b.x + b.width) - x,
          height: Math.max(a.y + a.height, b.y + b.height) - y,
          of: [...a.of, ...b.of]};
};

// What lies below one another in it; nothing that floats over the page.
const strips_in = (e) => {
  const out = [];
  for (const child of shown_children(e)) {
    if (!is_element(child) || not_shown.test(tag_name(child)))
      continue;
    const style = getComputedStyle(child);
    if (style.display === 'contents')
      out.push(...strips_in(child));
    else if (!/fixed|absolute/.test(style.position) && is_visible(child))
      out.push(box_on_page(child));
  }
  return out.sort((a, b) => a.y - b.y);
};

const depth_most = 12;
const split = (e, until, depth = 0) => {
  const whole = box_on_page(e);
  const inner = strips_in(e);
  const reach = inner.reduce((sum, one) => sum + one.height, 0);
  // Columns, and text of its own, stay in one piece.
  const columns = inner.some((one, i) => i > 0
    && one.y < inner[i - 1].y + inner[i - 1].height - 2);
  if (depth > depth_most || !inner.length || columns
      || reach < whole.height * 0.6 || performance.now() > until)
    return [whole];
  // A page that is laid out for no phone has a window of thousands there.
  const tall = Math.min(innerHeight, 900) * 1.5;
  return inner.flatMap((one) => inner.length === 1
    || one.height > tall ? split(one.of[0], until, depth + 1)
                                      : [one]);
};

// Short ones go with the next, and as many together as `together` holds.
const join = (parts, least, together) => {
  const out = [];
  for (const part of parts) {
    const last = out.at(-1);
    const both = last && around(last, part);
    if (last && (last.height < least || both.height <= together))
      out[out.length - 1] = both;
    else
      out.push(part);
  }
  if (out.length > 1 && out.at(-1).height < least)
    out.push(around(...out.splice(-2)));
  return out;
};

const label_of = ({of}) => {
  for (const e of of)
    for (const head of [e, ...find_css(e, 'h1,h2,h3,h4,h5,h6,[role=heading]')])
      if (/^h[1-6]$/.test(tag_name(head))
          || attribute(head, 'role') === 'heading') {
        const text = one_line(shown_text(head));
        if (text)
          return cut(text, 100);
      }
  return cut(one_line(attribute(of[0], 'aria-label') ?? ''), 100);
};

const sections = ({selectors, min_height, merge_threshold, most}) => {
  let parts;
  if (selectors.length) {
    parts = selectors.flatMap((selector) =>
      find_all(selector).filter(is_visible).map(box_on_page));
    if (!parts.length)
      throw wrong(`no visible element matches ${selectors.map(quoted).join(', ')}`);
  } else {
    parts = join(split(body(), performance.now() + 1000), min_height,
                 merge_threshold);
    // As wide as the window: what floats beside it is seen, too.
    for (const part of parts)
      Object.assign(part, {x: 0, width: innerWidth});
  }
  return {
    total: parts.length,
    sections: parts.slice(0, most).map((part) => ({
      x: Math.max(part.x, 0), y: Math.max(part.y, 0), width: part.width,
      height: part.height, tag: tag_name(part.of[0]),
      id: cut(attribute(part.of[0], 'id') ?? '', 100), label: label_of(part),
    })),
  };
};
