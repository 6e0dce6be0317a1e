// May an element be acted on now? Asked again and again from outside until it
// may, so that it survives navigations and never holds the page.

// Two frames; a timer where the page draws none, as in a tab behind others.
const next_frame = () => new Promise((done) => {
  const timer = setTimeout(done, 60);
  requestAnimationFrame(() => {
    clearTimeout(timer);
    done();
  });
});

const rest_ms = 30;
const same_box = (a, b) => a.x === b.x && a.y === b.y
  && a.width === b.width && a.height === b.height;

const hit_at = (x, y) => {
  let e = Document.prototype.elementFromPoint.call(document, x, y);
  for (;;) {
    const shadow = e && shadow_of(e);
    const inner = shadow ? shadow.elementFromPoint(x, y) : null;
    if (!inner || inner === e)
      return e;
    e = inner;
  }
};

// The middle of the first box that lies in the window.
const point_in = (e) => {
  for (const r of Element.prototype.getClientRects.call(e)) {
    const left = Math.max(r.left, 0);
    const right = Math.min(r.right, innerWidth);
    const top = Math.max(r.top, 0);
    const bottom = Math.min(r.bottom, innerHeight);
    if (right - left >= 1 && bottom - top >= 1)
      return {x: (left + right) / 2, y: (top + bottom) / 2};
  }
  return null;
};

const scrolls = ['nearest', 'center', 'end', 'start'];
const scroll_to = (e, attempt) => {
  Element.prototype.scrollIntoView.call(e, {block: scrolls[attempt % 4],
    inline: 'nearest', behavior: 'instant'});
};

// A label stands for its field, what lies in a button for the button.
const retarget = (e, needs) => {
  if (needs.includes('editable') || needs.includes('select')) {
    if (tag_name(e) === 'label' && e.control)
      return e.control;
    if (!is_field(e)) {
      const fields = all_in(e, 'input,textarea,select');
      const inner = closest(e, 'label')?.control
        ?? (fields.length === 1 ? fields[0] : null);
      return inner ?? e;
    }
  }
  return e;
};

const is_field = (e) => /^(input|textarea|select)$/.test(tag_name(e))
  || is_editable(e);

const receives = (e, point) => {
  const hit = hit_at(point.x, point.y);
  if (!hit)
    return 'nothing';
  if (encloses(e, hit))
    return '';
  const label = closest(hit, 'label');
  if (label && label.control === e)
    return '';
  return describe(hit) + where_marked(hit);
};
const where_marked = (e) => {
  const id = attribute(e, 'id');
  return id ? ` (#${cut(id, 40)})` : '';
};

const no = (why, more) => ({ok: false, why, ...more});

// needs: some of visible, stable, enabled, editable, select, hit.
const ready = async ({selector, needs, attempt}) => {
  const found = find_first(selector);
  if (!found.element)
    return no('absent');
  const e = retarget(found.element, needs);
  const about = {about: describe(e), count: found.count};
  if (needs.includes('visible') && !is_visible(e))
    return no('is not visible', about);
  if (needs.includes('enabled') && is_disabled(closest(e, 'button') ?? e))
    return no('is disabled', about);
  if (needs.includes('editable')) {
    if (!is_field(e) || tag_name(e) === 'select')
      return no('cannot be typed into', {...about, final: true});
    if (/^(checkbox|radio|button|submit|reset|image|file|range|color)$/
          .test(tag_name(e) === 'input' ? e.type : ''))
      return no(`is of type ${e.type}; use click`, {...about, final: true});
    if (e.readOnly)
      return no('is read-only', about);
  }
  if (needs.includes('select') && tag_name(e) !== 'select')
    return no('is no list to select from; use click', {...about, final: true});
  if (needs.includes('hit') || needs.includes('scroll')) {
    if (!point_in(e) || attempt > 0)
      scroll_to(e, point_in(e) && attempt === 0 ? 0 : attempt + 1);
  }
  if (needs.includes('stable')) {
    // A busy page may draw two frames between two of its own steps.
    const begun = performance.now();
    const before = rect_of(e);
    for (let i = 0; i < 2 || performance.now() - begun < rest_ms; ++i) {
      await next_frame();
      if (!same_box(before, rect_of(e)))
        return no('keeps moving', about);
    }
    if (!is_connected(e))
      return no('absent');
  }
  const out = {ok: true, number: number_of(e), secret: is_secret(e), ...about};
  if (needs.includes('hit')) {
    const point = point_in(e);
    if (!point)
      return no('lies outside of the window', about);
    const cover = receives(e, point);
    if (cover)
      return no(`is covered by ${cover}`, about);
    Object.assign(out, point);
  }
  if (needs.includes('box')) {
    const r = rect_of(e);
    Object.assign(out, {x: r.x, y: r.y, width: r.width, height: r.height});
  }
  return out;
};

// Does the page hold what is waited for? state: visible, hidden, attached,
// detached.
const holds = ({selector, text, state}) => {
  if (text !== undefined) {
    const wanted = one_line(text).toLowerCase();
    return one_line(page_text(body()))
      .toLowerCase().includes(wanted) === (state !== 'hidden');
  }
  const all = find_all(selector);
  switch (state) {
    case 'attached': return all.length > 0;
    case 'detached': return all.length === 0;
    case 'hidden': return !all.some(is_visible);
    default: return all.some(is_visible);
  }
};

// Where a frame stands among those of its parent, and where the parent shows
// the frame of that place.
const place = () => {
  for (let i = 0; i < parent.frames.length; ++i)
    if (parent.frames[i] === window)
      return i;
  return -1;
};
const frame_element = (index) => {
  const wanted = window.frames[index];
  const roots = [document, ...shadow_roots(document, performance.now() + 200)];
  for (const root of roots)
    for (const e of all_in(root, 'iframe,frame,object,embed'))
      if (e.contentWindow && e.contentWindow === wanted)
        return e;
  return null;
};
const frame_box = ({index, x, y}) => {
  const e = frame_element(index);
  if (!e || !is_visible(e))
    return no('its frame is not visible');
  const r = rect_of(e);
  const style = getComputedStyle(e);
  const left = r.left + e.clientLeft + parseFloat(style.paddingLeft);
  const top = r.top + e.clientTop + parseFloat(style.paddingTop);
  const out = {ok: true, x: left, y: top};
  if (x !== undefined) {
    const cover = receives(e, {x: left + x, y: top + y});
    if (cover)
      return no(`its frame is covered by ${cover}`);
  }
  return out;
};
