// What is done to fields beside real key strokes.

const at_number = (number) => {
  const e = numbered(number);
  if (!e)
    throw wrong('the element is gone; call browser_observe again');
  return e;
};

const focus = ({number}) => {
  const e = at_number(number);
  HTMLElement.prototype.focus.call(e, {preventScroll: true});
  return true;
};

// Selects what a field holds, so that what is inserted replaces it. Answers
// how the text has to come in.
const begin_fill = ({number, text}) => {
  const e = at_number(number);
  e.focus({preventScroll: true});
  const kind = tag_name(e) === 'input' ? e.type : '';
  if (/^(date|time|month|week|datetime-local|number)$/.test(kind)) {
    set_value(e, text.trim());
    if (e.value !== text.trim())
      throw wrong(`'${cut(text, 40)}' is no value for a field of type ${kind}`);
    return 'set';
  }
  if (is_editable(e)) {
    const range = document.createRange();
    range.selectNodeContents(e);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  } else {
    e.select();
  }
  return text === '' ? 'delete' : 'insert';
};

const tell = (e) => {
  e.dispatchEvent(new Event('input', {bubbles: true, composed: true}));
  e.dispatchEvent(new Event('change', {bubbles: true}));
};

const set_value = (e, value) => {
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')
    .set.call(e, value);
  tell(e);
};

const end_fill = ({number}) => {
  const e = at_number(number);
  if (!is_editable(e))
    e.dispatchEvent(new Event('change', {bubbles: true}));
  return true;
};

// Options by label or value; `multiple` lists take several.
const select_options = ({number, values}) => {
  const e = at_number(number);
  const wanted = new Set(values);
  const chosen = [];
  const all = [...e.options];
  for (const value of wanted) {
    const option = all.find((o) => one_line(o.label) === one_line(value))
      ?? all.find((o) => o.value === value)
      ?? all.find((o) => one_line(o.label).toLowerCase()
                         === one_line(value).toLowerCase());
    if (!option) {
      const some = all.slice(0, 12).map((o) => quoted(one_line(o.label)));
      throw wrong(`there is no option ${quoted(cut(value, 60))}; there are `
        + some.join(', ') + (all.length > 12 ? ' and more' : ''));
    }
    if (is_disabled(option))
      throw wrong(`the option ${quoted(cut(value, 60))} is disabled`);
    chosen.push(option);
  }
  if (chosen.length > 1 && !e.multiple)
    throw wrong('the list takes one option only');
  for (const option of all)
    option.selected = chosen.includes(option);
  tell(e);
  return chosen.map((o) => one_line(o.label));
};

// By pages of the window, to an element, or to a place.
const scroll_page = ({number, x, y, dx, dy}) => {
  const target = number ? at_number(number)
    : scroller();
  const into_view = number && x === undefined && y === undefined && !dx && !dy;
  if (into_view) {
    Element.prototype.scrollIntoView.call(target, {block: 'center', behavior: 'instant'});
  } else if (dx !== undefined || dy !== undefined) {
    Element.prototype.scrollBy.call(target, {left: (dx ?? 0), top: (dy ?? 0), behavior: 'instant'});
  } else {
    Element.prototype.scrollTo.call(target, {left: x ?? target.scrollLeft, top: y ?? target.scrollTop,
                     behavior: 'instant'});
  }
  return scroll_place(number && !into_view ? target : null);
};
const scroll_place = (e) => {
  const at = e ?? scroller();
  return {x: Math.round(at.scrollLeft), y: Math.round(at.scrollTop),
          height: at.scrollHeight, window: e ? at.clientHeight : innerHeight};
};

const storage = () => {
  const read = (from) => {
    try {
      return Object.fromEntries(Object.keys(from()).map(
        (key) => [key, from().getItem(key)]));
    } catch {
      return {}; // Where a page has no storage, such as in a sandbox.
    }
  };
  return {origin: location.origin, local: read(() => localStorage),
          session: read(() => sessionStorage)};
};
