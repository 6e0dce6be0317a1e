// Reading the tree. Runs in a world of its own: the page cannot change the
// prototypes seen here. But named fields hide the properties of their form, and
// named images those of the document, in every world: such properties are read
// through the prototypes.

const reader = (prototype, name) => {
  const get = Object.getOwnPropertyDescriptor(prototype, name).get;
  return (node) => get.call(node);
};
const parent_of = reader(Node.prototype, 'parentNode');
const first_child = reader(Node.prototype, 'firstChild');
const next_sibling = reader(Node.prototype, 'nextSibling');
const node_type = reader(Node.prototype, 'nodeType');
const text_content = reader(Node.prototype, 'textContent');
const is_connected = reader(Node.prototype, 'isConnected');
const tag_name = reader(Element.prototype, 'localName');
const shadow_of = reader(Element.prototype, 'shadowRoot');
const children_of = reader(Element.prototype, 'children');
const slot_of = reader(Element.prototype, 'assignedSlot');
const title_of = reader(Document.prototype, 'title');
const body_of = reader(Document.prototype, 'body');
const root_of = reader(Document.prototype, 'documentElement');
const scroller_of = reader(Document.prototype, 'scrollingElement');
const html_text = reader(HTMLElement.prototype, 'innerText');
const html_editable = reader(HTMLElement.prototype, 'isContentEditable');
const is_html = (e) => e instanceof HTMLElement;
const inner_text = (e) => is_html(e) ? html_text(e) : text_content(e);
const is_editable = (e) => is_html(e) && html_editable(e);
const body = () => body_of(document) ?? root_of(document);
const scroller = () => scroller_of(document) ?? root_of(document);
const prototype_of = (root) => node_type(root) === 9 ? Document.prototype
  : node_type(root) === 11 ? DocumentFragment.prototype : Element.prototype;
const all_in = (root, css) =>
  prototype_of(root).querySelectorAll.call(root, css);
const first_in = (root, css) =>
  prototype_of(root).querySelector.call(root, css);
const children_in = (root) => root === document ? [root_of(root)]
  : is_element(root) ? children_of(root) : root.children;
const closest = (e, css) => Element.prototype.closest.call(e, css);
const attribute = (e, name) => Element.prototype.getAttribute.call(e, name);
const has = (e, name) => Element.prototype.hasAttribute.call(e, name);
const matches = (e, css) => Element.prototype.matches.call(e, css);
const rect_of = (e) => Element.prototype.getBoundingClientRect.call(e);

const is_element = (node) => node_type(node) === 1;
const one_line = (text) => text.replace(/\s+/g, ' ').trim();
const cut = (text, most) => {
  if (text.length <= most)
    return text;
  // No half of a surrogate pair at the end.
  const end = /[\ud800-\udbff]/.test(text[most - 2]) ? most - 2 : most - 1;
  return text.slice(0, end) + '…';
};

// The element around another, out of shadow roots too.
const outer = (e) => {
  const slot = slot_of(e);
  if (slot)
    return slot;
  const parent = parent_of(e);
  if (!parent)
    return null;
  return node_type(parent) === 11 ? parent.host ?? null
       : is_element(parent) ? parent : null;
};

const encloses = (e, inner) => {
  for (let at = inner; at; at = outer(at))
    if (at === e)
      return true;
  return false;
};

// Nodes as they are shown: shadow trees instead of what they replace, slots
// filled.
const shown_children = (e) => {
  if (tag_name(e) === 'slot') {
    const filled = HTMLSlotElement.prototype.assignedNodes.call(e);
    if (filled.length)
      return filled;
  }
  const shadow = shadow_of(e);
  const out = [];
  for (let at = first_child(shadow ?? e); at; at = next_sibling(at))
    out.push(at);
  return out;
};

// Open shadow roots below a root, outermost first; stops after a while on
// pages that are made to be large.
const shadow_roots = (root, until) => {
  const out = [];
  const open = [root];
  let seen = 0;
  while (open.length) {
    for (const e of all_in(open.shift(), '*')) {
      const shadow = shadow_of(e);
      if (shadow) {
        out.push(shadow);
        open.push(shadow);
      }
      if ((++seen & 1023) === 0 && performance.now() > until)
        return out;
    }
  }
  return out;
};

const is_visible = (e) => {
  const style = getComputedStyle(e);
  if (style.visibility !== 'visible' || style.display === 'none')
    return false;
  if (style.display === 'contents')
    return shown_children(e).some((c) => is_element(c) && is_visible(c));
  const rect = rect_of(e);
  return rect.width > 0 && rect.height > 0
      && Element.prototype.checkVisibility.call(e);
};

// Once a secret, always a secret: pages show passwords by changing the type.
const secrets = new WeakSet();
const secret_kinds
  = /(^|\s)(current-password|new-password|one-time-code|cc-number|cc-csc)(\s|$)/;
const is_secret = (e) => {
  if (tag_name(e) !== 'input')
    return false;
  if (attribute(e, 'type')?.toLowerCase() === 'password'
      || secret_kinds.test(attribute(e, 'autocomplete') ?? ''))
    secrets.add(e);
  return secrets.has(e);
};

// What was found once, by the number it goes by: `@12`.
const by_number = new Map();
const numbers = new WeakMap();
let next_number = 1;
const number_of = (e) => {
  let number = numbers.get(e);
  if (!number) {
    number = next_number++;
    numbers.set(e, number);
    by_number.set(number, new WeakRef(e));
  }
  return number;
};
const numbered = (number) => {
  const e = by_number.get(number)?.deref();
  return e && is_connected(e) ? e : null;
};
