// What an element is called and what it is for, as a screen reader would say.

const interactive_css = 'a[href],button,input:not([type=hidden]),select,'
  + 'textarea,summary,[contenteditable=""],[contenteditable=true],'
  + '[role=button],[role=link],[role=checkbox],[role=radio],[role=switch],'
  + '[role=tab],[role=menuitem],[role=menuitemcheckbox],'
  + '[role=menuitemradio],[role=option],[role=combobox],[role=textbox],'
  + '[role=searchbox],[role=slider],[role=spinbutton],[role=treeitem],'
  + '[onclick],[tabindex]:not([tabindex^="-"])';

const input_roles = {
  button: 'button', submit: 'button', reset: 'button', image: 'button',
  checkbox: 'checkbox', radio: 'radio', range: 'slider',
  number: 'spinbutton', search: 'searchbox', file: 'file',
};

const role_of = (e) => {
  const role = attribute(e, 'role')?.trim().split(/\s+/)[0];
  if (role && role !== 'presentation' && role !== 'none')
    return role;
  const tag = tag_name(e);
  switch (tag) {
    case 'a': return has(e, 'href') ? 'link' : 'clickable';
    case 'button': case 'summary': return 'button';
    case 'input': return input_roles[e.type] ?? 'textbox';
    case 'textarea': return 'textbox';
    case 'select': return e.multiple ? 'listbox' : 'combobox';
    case 'img': return 'img';
    case 'iframe': case 'frame': return 'iframe';
  }
  if (/^h[1-6]$/.test(tag))
    return 'heading';
  if (is_editable(e))
    return 'textbox';
  return matches(e, interactive_css) ? 'clickable' : tag;
};

const by_ids = (e, ids) => {
  const root = Node.prototype.getRootNode.call(e);
  return ids.split(/\s+/).map((id) => {
    const other = first_in(root, '#' + CSS.escape(id));
    return other && !is_secret(other) ? text_content(other) : '';
  }).join(' ');
};

const shown_text = (e) => {
  let out = '';
  const open = [e];
  let seen = 0;
  while (open.length && out.length < 400 && ++seen < 500) {
    const at = open.pop();
    if (node_type(at) === 3) {
      out += text_content(at);
    } else if (is_element(at)) {
      const tag = tag_name(at);
      if (/^(script|style|noscript|template|textarea|select)$/.test(tag))
        continue;
      const said = tag === 'img' ? attribute(at, 'alt')
                 : at !== e ? attribute(at, 'aria-label') : null;
      if (said) {
        out += ' ' + said + ' ';
        continue;
      }
      open.push(...shown_children(at).reverse());
      if (!/^(a|b|i|em|strong|span|u|s|code|small|sub|sup)$/.test(tag))
        out += ' ';
    }
  }
  return out;
};

const name_of = (e) => {
  const ids = attribute(e, 'aria-labelledby');
  const tag = tag_name(e);
  const field = /^(input|select|textarea)$/.test(tag);
  const tries = [
    () => ids && by_ids(e, ids),
    () => attribute(e, 'aria-label'),
    () => field && [...(e.labels ?? [])].map(label_text).join(' '),
    () => button_text(e),
    () => tag === 'input' && e.type === 'image' ? attribute(e, 'alt') : null,
    () => tag === 'img' ? attribute(e, 'alt') : null,
    () => field ? null : shown_text(e),
    () => attribute(e, 'placeholder'),
    () => attribute(e, 'title'),
    () => field || tag === 'iframe' ? attribute(e, 'name') : null,
  ];
  for (const attempt of tries) {
    const name = one_line(attempt() || '');
    if (name)
      return cut(name, 100);
  }
  return '';
};

// Without the field that stands in the label.
const label_text = (label) => {
  let out = '';
  for (const child of shown_children(label))
    if (node_type(child) === 3 || (is_element(child)
        && !/^(input|select|textarea|button)$/.test(tag_name(child))))
      out += ' ' + (node_type(child) === 3 ? text_content(child)
                                           : shown_text(child));
  return out;
};

const quoted = (text) => `"${text.replaceAll('"', "'")}"`;

const describe = (e) => {
  const name = name_of(e);
  return role_of(e) + (name ? ' ' + quoted(name) : '');
};

// State beside role and name: value, checked, disabled and so on.
const state_of = (e) => {
  const out = [];
  const tag = tag_name(e);
  const kind = tag === 'input' ? e.type : '';
  const aria = (name) => attribute(e, 'aria-' + name);
  if (is_secret(e)) {
    out.push(e.value ? '(secret, filled)' : '(secret, empty)');
  } else if (tag === 'select') {
    const chosen = [...e.selectedOptions].map((o) => one_line(o.label));
    out.push(chosen.length ? '= ' + quoted(cut(chosen.join(', '), 80))
                           : '(none chosen)');
    const all = [...e.options].slice(0, 8).map((o) => cut(one_line(o.label), 30));
    const more = e.options.length - all.length;
    out.push('of ' + all.join(' | ') + (more > 0 ? ` | ${more} more` : ''));
  } else if (kind === 'checkbox' || kind === 'radio') {
    if (e.checked)
      out.push('checked');
  } else if (kind === 'file') {
    out.push(e.files.length ? `(${e.files.length} chosen)` : '(none chosen)');
  } else if ((tag === 'input' && !button_text(e) && kind !== 'image')
             || tag === 'textarea') {
    if (e.value)
      out.push('= ' + quoted(cut(one_line(e.value), 80)));
    if (kind && !/^(text|search|number|range)$/.test(kind))
      out.push(`(${kind})`);
  } else if (is_editable(e)) {
    out.push('= ' + quoted(cut(one_line(text_content(e)), 80)));
  }
  if (aria('checked') === 'true' || aria('selected') === 'true')
    out.push(aria('checked') === 'true' ? 'checked' : 'selected');
  if (aria('expanded'))
    out.push(aria('expanded') === 'true' ? 'expanded' : 'collapsed');
  if (aria('current') && aria('current') !== 'false')
    out.push('current');
  if (is_disabled(e))
    out.push('disabled');
  else if (e.readOnly === true)
    out.push('read-only');
  if (e.required === true || aria('required') === 'true')
    out.push('required');
  if (aria('invalid') === 'true')
    out.push('invalid');
  return out.join(' ');
};

const is_disabled = (e) => {
  if (/^(button|input|select|textarea|option|optgroup)$/.test(tag_name(e))
      && matches(e, ':disabled'))
    return true;
  for (let at = e; at; at = outer(at))
    if (attribute(at, 'aria-disabled') === 'true')
      return true;
  return false;
};
