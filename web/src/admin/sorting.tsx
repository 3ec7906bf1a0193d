// Tables that are sorted by a click on a column's head, or Enter on it.
import { ArrowDown, ArrowUp } from 'lucide-react';
import { useState } from 'react';
import { useT } from '../i18n/i18n';

export interface Order<Column extends string> {
  column: Column;
  ascending: boolean;
}

/** Rows in order; those that are equal stay as they came. Nothing known comes last, either way. */
export function sorted<Row, Column extends string>(
  rows: readonly Row[],
  order: Order<Column>,
  valueOf: (row: Row, column: Column) => string | number | null,
): Row[] {
  const sign = order.ascending ? 1 : -1;
  return [...rows].sort((one, other) => {
    const [a, b] = [valueOf(one, order.column), valueOf(other, order.column)];
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    if (typeof a === 'number' && typeof b === 'number') return sign * (a - b);
    return sign * String(a).localeCompare(String(b));
  });
}

export function useOrder<Column extends string>(column: Column): [Order<Column>, (column: Column) => void] {
  const [order, setOrder] = useState<Order<Column>>({ column, ascending: true });
  const choose = (chosen: Column) =>
    setOrder((before) => ({ column: chosen, ascending: before.column === chosen ? !before.ascending : true }));
  return [order, choose];
}

interface Props<Column extends string> {
  column: Column;
  label: string;
  order: Order<Column>;
  onChoose: (column: Column) => void;
  isNumber?: boolean;
}

function SortHead<Column extends string>({ column, label, order, onChoose, isNumber }: Props<Column>) {
  const isSorted = order.column === column;
  const Arrow = order.ascending ? ArrowUp : ArrowDown;
  return (
    <th
      scope="col"
      className={isNumber ? 'number' : undefined}
      aria-sort={isSorted ? (order.ascending ? 'ascending' : 'descending') : 'none'}
    >
      <button type="button" className="sort" onClick={() => onChoose(column)} data-testid={`sort-${column}`}>
        {label}
        {isSorted ? <Arrow aria-hidden="true" /> : null}
      </button>
    </th>
  );
}

interface HeadsProps<Column extends string> {
  numbers: readonly Column[];
  labels: Record<Column | 'name', string>;
  order: Order<Column | 'name'>;
  onChoose: (column: Column | 'name') => void;
}

/** The row of heads of a table: the name, its numbers, and what can be done. */
export function SortHeads<Column extends string>({ numbers, labels, order, onChoose }: HeadsProps<Column>) {
  const t = useT();
  return (
    <tr>
      <SortHead<Column | 'name'> column="name" label={labels.name} order={order} onChoose={onChoose} />
      {numbers.map((column) => (
        <SortHead<Column | 'name'>
          key={column}
          column={column}
          label={labels[column]}
          order={order}
          onChoose={onChoose}
          isNumber
        />
      ))}
      <th scope="col" className="actions">
        {t('admin:actions')}
      </th>
    </tr>
  );
}
