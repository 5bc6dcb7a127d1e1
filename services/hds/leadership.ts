// SPDX-License-Identifier: Apache-2.0
/**
 * What follows from who leads: the edges are open while this replica does, and it takes over what
 * other replicas have written.
 * @module
 */
import type { Logger } from "@denvoy/base";
import type { ComponentHealth } from "@denvoy/runtime";
import type { SharedNews } from "./adapters/redis_health_store.ts";
import type { ApiClusters } from "./api_clusters.ts";
import type { Edges } from "./edges.ts";
import type { HealthControl } from "./health_control.ts";

/** What leadership works with. */
export interface LeadershipOptions {
  /** Takes over verdicts and orders. */
  readonly control: HealthControl;
  /** Takes over clusters. */
  readonly apiClusters: ApiClusters;
  /** Told how Redis is. */
  readonly health: ComponentHealth;
  /** Where changes are logged. */
  readonly logger: Logger;
  /** Opens the edges. */
  readonly open: () => Promise<Edges>;
}

/** Follows the news of a store. */
export class Leadership {
  readonly #options: LeadershipOptions;
  #edges: Edges | undefined;
  #work: Promise<void> | undefined;
  /** Why the edges could not be opened last. */
  #failure: string | undefined;
  #wasHeard = false;
  #closed = false;

  /** Nothing is open yet. */
  constructor(options: LeadershipOptions) {
    this.#options = options;
    options.health.failed("Redis has not answered yet");
  }

  /** Whether this replica leads, with all that belongs to it. */
  get leads(): boolean {
    return this.#edges !== undefined;
  }

  /** Where gRPC listens, if it does. */
  get grpcAddress(): string | undefined {
    return this.#edges?.grpcAddress;
  }

  /** Takes over what is new; resolves when the edges are as they should be. Never rejects. */
  async take(news: SharedNews): Promise<void> {
    this.#tell(news);
    try {
      if (news.verdicts || news.given) this.#adopt(news);
    } catch (error) {
      this.#options.logger.error("cannot take over what other replicas wrote", { error });
    }
    if (this.#closed || news.leads === (this.#edges !== undefined)) return;
    this.#work ??= this.#change(news.leads).finally(() => this.#work = undefined);
    await this.#work;
  }

  /** Closes the edges for good. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    await this.#work;
    await this.#edges?.close(graceMs);
    this.#edges = undefined;
  }

  #adopt({ verdicts, leads }: SharedNews): void {
    const { control, apiClusters } = this.#options;
    control.adopt({ verdicts: verdicts && (!leads || this.#edges === undefined) });
    apiClusters.reload();
  }

  async #change(leads: boolean): Promise<void> {
    const { control, logger, open } = this.#options;
    try {
      if (leads) {
        logger.info("this replica leads");
        control.adopt({ verdicts: true });
        this.#edges = await open();
        this.#failure = undefined;
        return;
      }
      logger.info("another replica leads");
      const edges = this.#edges;
      this.#edges = undefined;
      await edges?.close(0);
    } catch (error) {
      if (this.#failure === undefined) {
        logger.error("cannot change who leads, tries again", { error });
      }
      this.#failure = error instanceof Error ? error.message : String(error);
    }
  }

  #tell({ leads, trouble }: SharedNews): void {
    const { health } = this.#options;
    this.#wasHeard ||= trouble === undefined;
    if (leads && this.#failure !== undefined) health.failed(`cannot lead: ${this.#failure}`);
    else if (trouble === undefined) {
      health.ok(leads ? "this replica leads" : "another replica leads");
    } else if (this.#wasHeard) health.degraded(`goes on with what it knows: Redis: ${trouble}`);
    else health.failed(`Redis has not answered yet: ${trouble}`);
  }
}
