// How loud a microphone is, for meters. Listens to a copy of the track, because a muted original is silent.

/** Calls back about 16 times a second with a level of 0 to 100, until the returned function is called. */
export function watchLevel(track: MediaStreamTrack, onLevel: (level: number) => void): () => void {
  const copy = track.clone();
  copy.enabled = true;
  const context = new AudioContext();
  void context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 1024, smoothingTimeConstant: 0.4 });
  context.createMediaStreamSource(new MediaStream([copy])).connect(analyser);
  const stop = watchAnalyser(analyser, onLevel);
  return () => {
    stop();
    copy.stop();
    void context.close();
  };
}

/** The same, of what goes through an analyser. */
export function watchAnalyser(analyser: AnalyserNode, onLevel: (level: number) => void): () => void {
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    onLevel(levelOf(samples));
  }, 60);
  return () => clearInterval(timer);
}

/** 0 at -60 dBFS and below (a quiet room), 100 at -6 dBFS (a raised voice close by). */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / samples.length + 1e-12);
  return Math.round(Math.min(100, Math.max(0, ((decibels + 60) / 54) * 100)));
}
