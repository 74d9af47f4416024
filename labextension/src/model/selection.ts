import { Signal, type ISignal } from '@lumino/signaling';

/** The runs picked in the panel, or the one whose view is in front: what a command without a name acts on. */
export class Selection {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get refs(): readonly string[] {
    return this._refs;
  }

  has(ref: string): boolean {
    return this._refs.includes(ref);
  }

  set(refs: readonly string[]): void {
    if (refs.join() !== this._refs.join()) {
      this._refs = [...refs];
      this._changed.emit();
    }
  }

  toggle(ref: string): void {
    this.set(this.has(ref) ? this._refs.filter(item => item !== ref) : [...this._refs, ref]);
  }

  /** Forget what no longer exists. */
  keep(refs: ReadonlySet<string>): void {
    this.set(this._refs.filter(ref => refs.has(ref)));
  }

  private readonly _changed = new Signal<this, void>(this);
  private _refs: string[] = [];
}
