// What lies over a page and wants to be answered first: dialogs, cookie
// banners, newsletters. Not what belongs to the page, such as a bar of links.

const overlay_words = /cookie|consent|gdpr|ccpa|popup|pop-up|modal|overlay|newsletter|subscri|paywall|interstitial|lightbox/i;
const words_of = (e) => ['id', 'class', 'aria-label']
  .map((name) => attribute(e, name) ?? '').join(' ');
const is_dialog = (e) => (tag_name(e) === 'dialog' && has(e, 'open'))
  || /^(alert)?dialog$/.test(attribute(e, 'role') ?? '')
  || attribute(e, 'aria-modal') === 'true';

// How much of the window it takes, across and down.
const share_of = (e) => {
  const r = rect_of(e);
  const part = (from, to, all) =>
    Math.max(Math.min(to, all) - Math.max(from, 0), 0) / all;
  return {across: part(r.left, r.right, innerWidth),
          down: part(r.top, r.bottom, innerHeight)};
};

const lies_over = (e) => {
  const tag = tag_name(e);
  if (/^(html|body|main)$/.test(tag) || !is_visible(e))
    return false;
  const style = getComputedStyle(e);
  const fixed = style.position === 'fixed';
  if (style.opacity === '0' || (!fixed && style.position !== 'absolute'
                                && !is_dialog(e)))
    return false;
  const {across, down} = share_of(e);
  if (is_dialog(e))
    return across >= 0.15 && down >= 0.05;
  // What holds the page itself is no overlay, whatever it is called.
  if (first_in(e, 'main,[role=main],h1'))
    return false;
  if (overlay_words.test(words_of(e)))
    return across >= 0.3 || down >= 0.3;
  return fixed && across * down >= 0.5 && !/^(header|nav|aside)$/.test(tag)
    && text_content(e).length * 2 <= text_content(body()).length;
};

// In the order of how sure it is that nothing is agreed to.
const ways_out = [
  /^(close|dismiss|hide|x|×|✕|✖|no,? thanks?|not now|(maybe )?later|skip( for now)?|閉じる|关闭|關閉|schließen|fermer|cerrar|chiudi|nein,? danke)$/i,
  /\b(reject|decline|refuse|deny|necessary|essential|ablehnen|refuser|rechazar|rifiuta)\b|拒否|拒绝|必要/i,
  /\b(accept|agree|allow|consent|ok|okay|got it|understood|yes|akzeptieren|zustimmen|accepter|aceptar|accetta)\b|同意|はい|接受/i,
];

const way_out_of = (e) => {
  const all = find_css(e, 'button,[role=button],input[type=button],'
    + 'input[type=submit],a,[aria-label]').slice(0, 200)
    .filter((b) => is_visible(b) && !is_disabled(b)
      // A link leads elsewhere.
      && !/^(?!#|javascript:)./.test(attribute(b, 'href') ?? ''));
  const named = all.map((b) => ({button: b, name: name_of(b)}));
  for (const way of ways_out) {
    const found = named.find(({button, name}) =>
      name.length <= 60 && way.test(name)
      || way === ways_out[0] && name.length <= 2
         && /(^|[-_\s])close([-_\s]|$)/i.test(words_of(button)));
    if (found)
      return found.button;
  }
  return null;
};

// Who is on top at the points of a grid, and the outermost around it that
// lies over the page.
const overlays = () => {
  const found = new Set();
  const at = [0.01, 0.15, 0.3, 0.5, 0.7, 0.85, 0.99];
  for (const down of at)
    for (const across of at) {
      let top = null;
      let e = hit_at(innerWidth * across, innerHeight * down);
      for (; e; e = outer(e))
        if (lies_over(e))
          top = e;
      if (top)
        found.add(top);
    }
  const all = [...found].map((e) => {
    const way = way_out_of(e);
    return {number: number_of(e), about: cut(describe(e), 120),
            way_out: way ? number_of(way) : 0};
  });
  // Backdrops go with what they are behind of.
  return all.sort((a, b) => Number(!a.way_out) - Number(!b.way_out));
};

// For one that has no way out, or none that works.
const hide_overlay = ({number}) => {
  const e = at_number(number);
  e.style.setProperty('display', 'none', 'important');
  for (const held of [root_of(document), body()])
    if (/hidden|clip/.test(getComputedStyle(held).overflowY))
      held.style.setProperty('overflow', 'visible', 'important');
  return true;
};
