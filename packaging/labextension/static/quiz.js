/*
 * Quiz questions in JupyterLab: options to click above the cell that holds the answer.
 *
 * The answer is the cell's text, `name = "B"`, written as a learner without this extension would
 * type it, so that the notebook file is complete and one thing is true. Written without a build
 * step: JupyterLab loads a module-federation container, and this file is one.
 */
(() => {
  'use strict';

  const NAME = 'transfer-learning-workshop';
  let scope = null;

  // ------------------------------------------------------------------- answers as Python text

  const quoted = text => JSON.stringify(text);

  function written(type, value) {
    if (value === null || value === '' || (Array.isArray(value) && !value.length)) {
      return 'None';
    }
    if (Array.isArray(value)) {
      return `[${value.map(quoted).join(', ')}]`;
    }
    if (typeof value === 'boolean') {
      return value ? 'True' : 'False';
    }
    return type === 'numeric' && isNumber(value) ? value.trim() : quoted(value);
  }

  const isNumber = text => /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i.test(text);

  /* The text behind `name =`; empty where there is none. */
  function assigned(name, source) {
    const found = new RegExp(`^${name}[ \\t]*=[ \\t]*(.*)$`, 'm').exec(source);
    return found ? found[1].replace(/\s+#.*$/, '').trim() : '';
  }

  /* What was typed or clicked, as far as a form can show it. */
  function read(quiz, name, source) {
    const text = assigned(name, source);
    if (text === '' || text === 'None') {
      return null;
    }
    if (quiz.type === 'true_false') {
      const word = text.replace(/["']/g, '').toLowerCase();
      return word === 'true' ? true : word === 'false' ? false : null;
    }
    if (quiz.options.length) {
      const letters = quiz.options.map(([letter]) => letter);
      return (text.toUpperCase().match(/[A-Z]/g) || []).filter(each => letters.includes(each));
    }
    const string = /^(["'])(.*)\1$/.exec(text);
    return string ? string[2] : text;
  }

  // ----------------------------------------------------------------------------------- forms

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  // ------------------------------------------------------------------------ each learner's order

  /* A number that this browser keeps, so that a learner always sees the same order. */
  function learner() {
    const key = `${NAME}:learner`;
    try {
      const known = localStorage.getItem(key) || String(Math.random()).slice(2);
      localStorage.setItem(key, known);
      return known;
    } catch {
      return ''; // this browser keeps nothing: everyone's order
    }
  }

  /* A copy in an order that the text gives: FNV-1a for the seed, mulberry32 for the numbers. */
  function shuffled(options, text) {
    let state = 2166136261;
    for (const character of text) {
      state = Math.imul(state ^ character.codePointAt(0), 16777619);
    }
    const order = [...options];
    for (let last = order.length - 1; last > 0; last--) {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      const other = ((mixed ^ (mixed >>> 14)) >>> 0) % (last + 1);
      [order[last], order[other]] = [order[other], order[last]];
    }
    return order;
  }

  class Form {
    constructor(cell, quiz, render, check) {
      this.cell = cell;
      this.quiz = quiz;
      this.options = quiz.shuffle ? shuffled(quiz.options, learner() + quiz.name) : quiz.options;
      this.render = render;
      this.check = check;
      this.shared = cell.model.sharedModel;
      this.id = `tlw-quiz-${quiz.name}-${Math.random().toString(36).slice(2, 8)}`;
      this.said = element('p', { role: 'status', class: 'tlw-quiz-said' });
      this.node = this.build();
      this.changed = () => this.show();
      this.shared.changed.connect(this.changed);
      this.show();
    }

    dispose() {
      this.shared.changed.disconnect(this.changed);
    }

    build() {
      const legend = element('legend', {}, this.quiz.legend);
      const fields = element(
        'fieldset',
        { class: 'tlw-quiz', 'data-question': this.quiz.name },
        legend
      );
      fields.append(...this.controls());
      const buttons = element('p', { class: 'tlw-quiz-buttons' });
      if (this.check) {
        buttons.append(this.button('Check my answer', () => this.check()));
      }
      buttons.append(this.button('Clear', () => this.write(null)));
      fields.append(buttons, this.said);
      // Letters and arrows in the form are not the notebook's shortcuts; Ctrl+S still saves.
      fields.addEventListener('keydown', event => {
        if (!event.ctrlKey && !event.metaKey && !event.altKey) {
          event.stopPropagation();
        }
      });
      return fields;
    }

    button(text, onClick) {
      const made = element('button', { type: 'button', class: 'jp-mod-styled' }, text);
      made.addEventListener('click', onClick);
      return made;
    }

    controls() {
      switch (this.quiz.type) {
        case 'single_choice':
          return this.choices('radio');
        case 'multiple_response':
          return this.choices('checkbox');
        case 'true_false':
          return [
            this.choice('radio', true, 'True'),
            this.choice('radio', false, 'False')
          ];
        case 'ordering':
          return [this.order()];
        default:
          return [this.field()];
      }
    }

    /* With the letters that the answer is written with, whatever the order. */
    choices(kind) {
      return this.options.map(([letter, text]) => this.choice(kind, letter, text));
    }

    choice(kind, value, text) {
      const id = `${this.id}-${value}`;
      const input = element('input', { type: kind, id, name: this.id, value: String(value) });
      input.addEventListener('change', () => this.write(this.chosen(kind)));
      const label = element('label', { for: id });
      if (typeof value === 'string') {
        label.append(element('span', { class: 'tlw-quiz-letter' }, `${value})`));
      }
      label.append(this.render(text));
      return element('div', { class: 'tlw-quiz-option' }, input, label);
    }

    chosen(kind) {
      const on = [...this.node.querySelectorAll('input')]
        .filter(each => each.checked)
        .map(each => each.value);
      if (this.quiz.type === 'true_false') {
        return on.length ? on[0] === 'true' : null;
      }
      return kind === 'radio' ? on[0] || null : on;
    }

    field() {
      const id = `${this.id}-text`;
      const input = element('input', { type: 'text', id, autocomplete: 'off', class: 'jp-mod-styled' });
      input.addEventListener('input', () => this.write(input.value));
      const words = this.quiz.type === 'numeric' ? 'Your number' : 'Your answer';
      const label = element('label', { for: id }, words);
      const unit = this.quiz.unit ? [element('span', {}, this.quiz.unit)] : [];
      return element('div', { class: 'tlw-quiz-field' }, label, input, ...unit);
    }

    order() {
      return element('ol', { class: 'tlw-quiz-order', 'aria-label': 'Your order' });
    }

    /* Steps with buttons to move them: usable without a mouse. */
    showOrder(value) {
      const list = this.node.querySelector('ol');
      const known = new Map(this.options);
      const given = (value || []).filter(each => known.has(each));
      const order = [...new Set([...given, ...known.keys()])];
      const focused = document.activeElement && document.activeElement.getAttribute('data-move');
      list.replaceChildren(
        ...order.map((letter, index) => {
          const move = (step, word) => {
            const made = this.button(word, () => {
              const next = [...order];
              next.splice(index, 1);
              next.splice(index + step, 0, letter);
              this.write(next);
            });
            made.setAttribute('aria-label', `Move step ${letter} ${step < 0 ? 'up' : 'down'}`);
            made.setAttribute('data-move', `${letter}${step}`);
            made.disabled = index + step < 0 || index + step >= order.length;
            return made;
          };
          const text = element('span', { class: 'tlw-quiz-step' });
          text.append(element('span', { class: 'tlw-quiz-letter' }, `${letter})`));
          text.append(this.render(known.get(letter)));
          return element('li', {}, move(-1, '↑'), move(1, '↓'), text);
        })
      );
      const again = focused && list.querySelector(`[data-move="${focused}"]`);
      if (again) {
        again.focus();
      }
    }

    write(value) {
      const { name, type } = this.quiz;
      const line = `${name} = ${written(type, value)}`;
      const source = this.shared.getSource();
      const pattern = new RegExp(`^${name}[ \\t]*=.*$`, 'm');
      this.shared.setSource(pattern.test(source) ? source.replace(pattern, () => line) : line);
    }

    show() {
      const value = read(this.quiz, this.quiz.name, this.shared.getSource());
      if (this.quiz.type === 'ordering') {
        this.showOrder(value);
      } else if (this.quiz.options.length || this.quiz.type === 'true_false') {
        const on = Array.isArray(value) ? value : value === null ? [] : [String(value)];
        this.node.querySelectorAll('input').forEach(each => {
          each.checked = on.includes(each.value);
        });
      } else {
        const input = this.node.querySelector('input');
        if (input !== document.activeElement) {
          input.value = value === null ? '' : value;
        }
      }
      const text = assigned(this.quiz.name, this.shared.getSource());
      const none = text === '' || text === 'None';
      this.said.textContent = none ? 'Not answered yet.' : `Your answer: ${text}. It stands in the cell below.`;
      this.node.dataset.answered = String(!none);
    }
  }

  // ----------------------------------------------------------------------------------- plugin

  function plugin(notebook, widgets) {
    const attached = new WeakMap();

    function attach(panel, cell) {
      const quiz = cell.model.type === 'code' && (cell.model.getMetadata('workshop') || {}).quiz;
      if (!quiz || attached.has(cell)) {
        return;
      }
      attached.set(cell, null);
      cell.ready.then(() => {
        if (cell.isDisposed) {
          return;
        }
        const form = new Form(
          cell,
          quiz,
          text => rendered(panel, text),
          quiz.self_check ? () => checkNow(panel, cell) : null
        );
        hideOptions(panel, cell, quiz);
        const widget = new widgets.Widget({ node: form.node });
        widget.disposed.connect(() => form.dispose());
        cell.layout.insertWidget(1, widget);
        attached.set(cell, widget);
      });
    }

    /* The options stand in the question's text too, for where there is no form. Once is enough. */
    function hideOptions(panel, cell, quiz) {
      const before = panel.content.widgets[panel.content.widgets.indexOf(cell) - 1];
      if (before && before.model.id === `ask_${quiz.name}`) {
        before.addClass('tlw-asked');
        before.toggleClass('tlw-asked-options', quiz.options.length > 0);
      }
    }

    function rendered(panel, text) {
      const node = element('span', { class: 'tlw-quiz-text' });
      node.textContent = text;
      const { rendermime } = panel.content;
      const mime = 'text/markdown';
      const renderer = rendermime.createRenderer(mime);
      const model = rendermime.createModel({ data: { [mime]: text }, trusted: false });
      renderer.renderModel(model).then(() => {
        node.replaceChildren(renderer.node);
        // A renderer typesets formulas when it is attached as a widget, which this one never is.
        rendermime.latexTypesetter?.typeset(renderer.node);
      });
      return node;
    }

    /* Runs the answer's cell and the one behind it, which checks it, once there is a kernel. */
    async function checkNow(panel, cell) {
      await panel.sessionContext.ready;
      const cells = panel.content.widgets;
      const at = cells.indexOf(cell);
      return notebook.NotebookActions.runCells(
        panel.content,
        cells.slice(at, at + 2),
        panel.sessionContext
      );
    }

    function watch(panel) {
      const all = () => panel.content.widgets.forEach(cell => attach(panel, cell));
      panel.context.ready.then(() => panel.revealed).then(() => {
        all();
        panel.content.model.cells.changed.connect(() => requestAnimationFrame(all));
      });
    }

    return {
      id: `${NAME}:quiz`,
      description: 'Answers quiz questions by clicking.',
      autoStart: true,
      requires: [notebook.INotebookTracker],
      activate: (app, tracker) => {
        document.head.append(element('style', {}, STYLE));
        tracker.forEach(watch);
        tracker.widgetAdded.connect((_, panel) => watch(panel));
      }
    };
  }

  const STYLE = `
    .tlw-quiz { border: 1px solid var(--jp-border-color1); border-radius: 4px; margin: 4px 8px 8px;
      padding: 4px 12px; color: var(--jp-content-font-color1); background: var(--jp-layout-color1);
      font-size: var(--jp-content-font-size1); min-width: 0; }
    .tlw-asked-options .jp-RenderedMarkdown > ul:last-of-type { display: none; }
    .tlw-asked .jp-RenderedMarkdown > p:last-of-type { display: none; }
    .tlw-quiz legend { padding: 0 6px; font-weight: 600; }
    .tlw-quiz-option { display: flex; gap: 8px; align-items: baseline; padding: 3px 0; }
    .tlw-quiz-option label { cursor: pointer; display: flex; gap: 6px; align-items: baseline; }
    .tlw-quiz-letter { font-weight: 600; margin-right: 4px; }
    .tlw-quiz-text { display: inline-block; }
    .tlw-quiz-text .jp-RenderedMarkdown { padding: 0; }
    .tlw-quiz-text p { margin: 0 !important; }
    .tlw-quiz-field { display: flex; gap: 8px; align-items: center; padding: 6px 0; }
    .tlw-quiz-field input { min-width: 16em; color: var(--jp-content-font-color1);
      background: var(--jp-layout-color0); border: 1px solid var(--jp-border-color0); }
    .tlw-quiz-order { padding-left: 1.6em; }
    .tlw-quiz-order li { padding: 2px 0; }
    .tlw-quiz-order button { margin-right: 4px; min-width: 2em; }
    .tlw-quiz-step { display: inline-flex; gap: 4px; }
    .tlw-quiz-buttons { margin: 6px 0; display: flex; gap: 8px; }
    .tlw-quiz-said { margin: 4px 0; }
    .tlw-quiz :focus-visible { outline: 2px solid var(--jp-brand-color1); outline-offset: 2px; }
  `;

  // -------------------------------------------------------------------------------- container

  async function shared(name) {
    const versions = Object.values(scope[name] || {});
    const loaded = versions.find(each => each.loaded) || versions[0];
    return (await loaded.get())();
  }

  const container = {
    init: given => {
      scope = given;
    },
    get: async () => {
      const [notebook, widgets] = await Promise.all([
        shared('@jupyterlab/notebook'),
        shared('@lumino/widgets')
      ]);
      return () => ({ __esModule: true, default: plugin(notebook, widgets) });
    }
  };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = container;
})();
