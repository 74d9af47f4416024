import type { ITranslator, TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { ILepton } from '../tokens';
import { leptonIcon } from './icons';
import { DOMAIN, TranslationProvider } from './translation';

/** A region of the shell that draws React in the lab's language, and nothing while it cannot be seen. */
export abstract class Region extends ReactWidget {
  constructor(
    protected readonly lepton: ILepton,
    protected readonly commands: CommandRegistry,
    translator: ITranslator,
    id: string,
    className: string
  ) {
    super();
    this.trans = translator.load(DOMAIN);
    this.id = id;
    this.addClass(className);
    this.title.icon = leptonIcon;
    this.node.setAttribute('role', 'region');
  }

  protected abstract draw(): React.ReactElement;

  protected onAfterShow(): void {
    this.update();
  }

  protected onAfterHide(): void {
    this.update();
  }

  protected render(): React.ReactElement {
    return <TranslationProvider value={this.trans}>{this.draw()}</TranslationProvider>;
  }

  protected readonly trans: TranslationBundle;
}

/** A region of the main area, with tabs of its own. */
export abstract class TabbedView<Tab extends string> extends Region {
  constructor(
    lepton: ILepton,
    commands: CommandRegistry,
    translator: ITranslator,
    id: string,
    protected tab: Tab
  ) {
    super(lepton, commands, translator, id, 'lp-View');
    this.title.closable = true;
  }

  showTab(tab: Tab): void {
    this.tab = tab;
    this.update();
  }

  protected named(label: string, caption: string): void {
    this.title.label = label;
    this.title.caption = caption;
    this.node.setAttribute('aria-label', caption);
  }

  /** What every view draws with. */
  protected get frame() {
    return {
      model: this.lepton.model,
      commands: this.commands,
      tab: this.tab,
      onTab: (tab: Tab) => this.showTab(tab),
      isShown: this.isVisible,
      prefix: this.id
    };
  }
}
