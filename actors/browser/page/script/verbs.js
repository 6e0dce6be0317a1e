// What can be asked from outside. Everything that fails is said in a sentence.

const where = () => ({
  scroll: scroll_place(null), ready: reader(Document.prototype, 'readyState')(document),
});

const verbs = {
  ready, holds, place, frame_box, similar, focus, begin_fill, end_fill,
  select_options, scroll_page, extract, outline, storage, where, overlays,
  hide_overlay, sections,
};

globalThis.shannon = async (verb, given) => {
  const out = {url: cut(location.href, 4000), title: cut(title_of(document), 300)};
  try {
    next_number = Math.max(next_number, given.first ?? 1);
    out.value = await verbs[verb](given);
  } catch (e) {
    out.wrong = e.wrong ?? `the page could not be read: ${cut(String(e), 200)}`;
  }
  out.next = next_number;
  return out;
};
