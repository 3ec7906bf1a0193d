// Which rooms a search finds: by their names, and by those of the people inside. Case and accents do not matter.
import type { RoomSummary } from '../rooms/api';

export function searchRooms(rooms: readonly RoomSummary[], query: string): readonly RoomSummary[] {
  const words = fold(query).split(/\s+/).filter(Boolean);
  if (words.length === 0) return rooms;
  return rooms.filter((room) => {
    const text = fold([room.name, ...room.people].join('\n'));
    return words.every((word) => text.includes(word));
  });
}

function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase();
}
